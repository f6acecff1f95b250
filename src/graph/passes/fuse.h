// The two halves of fuse().
#pragma once
#include "graph/passes.h"

namespace hornet {

// matmul or conv2d, its bias and an activation become "dense" or "conv2d_bias".
Program fuse_bias(const Program& program);

// Elementwise nodes that feed one another become "fused" nodes (graph/fused.h).
Program fuse_chains(const Program& program);

}  // namespace hornet
