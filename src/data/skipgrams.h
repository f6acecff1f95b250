// Pairs of words that occur together, and random ones: what word embeddings are trained on.
#pragma once
#include <cstdint>
#include <vector>

namespace hornet {

struct Skipgrams {
  std::vector<int> words, contexts;   // a pair each
  std::vector<unsigned char> labels;  // 1: they occur together
};

struct SkipgramOptions {
  int vocabulary_size = 0;
  int window_size = 4;
  double negative_samples = 1;  // random pairs, as a multiple of the others
  bool shuffle = true;
  std::vector<double> sampling;  // chance of each word to be kept; empty: all are
  std::uint64_t seed = 0;
};

// Ids in `sequence` are at least 0; 0 is no word and in no pair. Random contexts are 1 to
// vocabulary_size - 1. Throws Error where the sampling table is too short.
Skipgrams make_skipgrams(const std::vector<int>& sequence, const SkipgramOptions& options);

}  // namespace hornet
