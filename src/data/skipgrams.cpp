#include "data/skipgrams.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/error.h"
#include "data/random_order.h"

namespace hornet {
namespace {

// Each use of chance has a stream of its own: without negative samples the same words are kept.
enum Stream : std::uint64_t { kKept, kWords, kContexts, kOrder };

bool is_kept(int word, const std::vector<double>& sampling, RandomOrder& random) {
  if (sampling.empty()) return true;
  if (static_cast<std::size_t>(word) >= sampling.size()) {
    throw Error("`sampling_table` has an entry for words 0 to " +
                    std::to_string(sampling.size() - 1) + ", but `sequence` holds word " +
                    std::to_string(word),
                "value");
  }
  constexpr double kParts = 1 << 30;
  const double chance = static_cast<double>(random.below(1 << 30)) / kParts;
  return sampling[static_cast<std::size_t>(word)] >= chance;
}

}  // namespace

Skipgrams make_skipgrams(const std::vector<int>& sequence, const SkipgramOptions& options) {
  Skipgrams pairs;
  RandomOrder kept(options.seed, kKept);
  const auto n = static_cast<std::int64_t>(sequence.size());
  const std::int64_t window = options.window_size;
  for (std::int64_t i = 0; i < n; ++i) {
    const int word = sequence[static_cast<std::size_t>(i)];
    if (word == 0 || !is_kept(word, options.sampling, kept)) continue;
    for (std::int64_t j = std::max<std::int64_t>(0, i - window); j < std::min(n, i + window + 1);
         ++j) {
      const int context = sequence[static_cast<std::size_t>(j)];
      if (j == i || context == 0) continue;
      pairs.words.push_back(word);
      pairs.contexts.push_back(context);
    }
  }
  const std::size_t positives = pairs.words.size();
  const auto negatives =
      static_cast<std::size_t>(static_cast<double>(positives) * options.negative_samples);
  pairs.labels.assign(positives, 1);
  pairs.labels.resize(positives + negatives, 0);

  std::vector<int> words = pairs.words;
  RandomOrder(options.seed, kWords).shuffle(words);
  RandomOrder contexts(options.seed, kContexts);
  for (std::size_t i = 0; i < negatives; ++i) {
    pairs.words.push_back(words[i % positives]);
    pairs.contexts.push_back(1 + static_cast<int>(contexts.below(options.vocabulary_size - 1)));
  }
  if (options.shuffle) {  // the same order for all three
    RandomOrder(options.seed, kOrder).shuffle(pairs.words);
    RandomOrder(options.seed, kOrder).shuffle(pairs.contexts);
    RandomOrder(options.seed, kOrder).shuffle(pairs.labels);
  }
  return pairs;
}

}  // namespace hornet
