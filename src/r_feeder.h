// What the glue's files share about feeders.
#pragma once
#include <Rcpp.h>

#include <memory>

#include "data/feeder.h"

namespace hornet {

constexpr const char* kFeederHandle = "feeder";
constexpr const char* kDatasetHandle = "dataset";
constexpr const char* kSourceHandle = "source";
constexpr const char* kFollowerHandle = "follower";

std::shared_ptr<Feeder> make_feeder(std::shared_ptr<Source> source, const FeedSpec& spec,
                                    int queue_size, double total);
SEXP feeder_handle(std::shared_ptr<Feeder> feeder);

// Error where it was stopped or belongs to the parent of a forked child.
std::shared_ptr<Feeder> live_feeder(SEXP handle);

}  // namespace hornet
