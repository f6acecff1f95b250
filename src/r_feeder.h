// What the glue's files share about feeders.
#pragma once
#include <Rcpp.h>

#include <memory>

#include "data/feeder.h"

namespace hornet {

constexpr const char* kFeederHandle = "feeder";
constexpr const char* kSourceHandle = "source";
constexpr const char* kFollowerHandle = "follower";

// Error where it was stopped or belongs to the parent of a forked child.
std::shared_ptr<Feeder> live_feeder(SEXP handle);

}  // namespace hornet
