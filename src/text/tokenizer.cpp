#include "text/tokenizer.h"

#include <algorithm>
#include <cmath>
#include <exception>

#include "rt/parallel.h"
#include "rt/run_loop.h"

namespace hornet {
namespace {

constexpr std::size_t kShardBytes = 1 << 16;  // less is not worth a thread
constexpr std::size_t kWordsBetweenStops = 1 << 14;
constexpr std::size_t kWordsAhead = 32;

// Consecutive documents [first, last).
struct Shard {
  std::size_t first, last;
};

// At most `count` shards of about the same number of bytes.
std::vector<Shard> shards_of(const Corpus& corpus, int count) {
  std::size_t bytes = 0;
  for (const auto& text : corpus.strings) bytes += text.size() + 1;
  const std::size_t most =
      std::max<std::size_t>(1, std::min<std::size_t>(count, bytes / kShardBytes));
  const std::size_t target = bytes / most + 1;
  std::vector<Shard> shards;
  std::size_t first = 0, filled = 0;
  for (std::size_t i = 0; i < corpus.size(); ++i) {
    for (std::size_t k = corpus.begin_of(i); k < corpus.end_of(i); ++k)
      filled += corpus.strings[k].size() + 1;
    if (filled < target) continue;
    shards.push_back({first, i + 1});
    first = i + 1;
    filled = 0;
  }
  if (first < corpus.size()) shards.push_back({first, corpus.size()});
  return shards;
}

// body(i) for each of `tasks`; of what they throw, the first in order is rethrown.
template <class Body>
void parallel_throwing(std::size_t tasks, Body&& body) {
  std::vector<std::exception_ptr> failed(tasks);
  parallel_tasks(static_cast<std::int64_t>(tasks), kernel_threads(), [&](int, std::int64_t task) {
    const auto i = static_cast<std::size_t>(task);
    try {
      body(i);
    } catch (...) { failed[i] = std::current_exception(); }
  });
  for (const auto& failure : failed) {
    if (failure) std::rethrow_exception(failure);
  }
}

// on_word(word, hash, document) for every word of the shard, then on_document() behind each
// document. Words wait a moment while `table` is fetched from memory.
template <class OnWord, class OnDocument>
void read_shard(const Corpus& corpus, const WordRules& rules, Shard shard, const WordTable& table,
                const std::atomic<bool>& stop, OnWord&& on_word, OnDocument&& on_document) {
  WordReader reader(rules);
  // Tokens are valid one at a time, the words of a text all together.
  const std::size_t most = corpus.tokens ? 1 : kWordsAhead;
  std::string_view words[kWordsAhead];
  std::uint32_t hashes[kWordsAhead];
  std::size_t read = 0;
  for (std::size_t i = shard.first; i < shard.last; ++i) {
    if (stop) throw Stopped();
    reader.open(corpus, i);
    for (bool more = true; more;) {
      std::size_t n = 0;
      while (n < most && (more = reader.next(words[n]))) {
        hashes[n] = WordTable::hash(words[n]);
        table.prefetch(hashes[n++]);
      }
      for (std::size_t k = 0; k < n; ++k) on_word(words[k], hashes[k], i);
      if ((read += n) > kWordsBetweenStops) {
        if (stop) throw Stopped();
        read = 0;
      }
    }
    on_document();
  }
}

WordCounts count_shard(const Corpus& corpus, const WordRules& rules, Shard shard,
                       const std::atomic<bool>& stop) {
  WordCounts result;
  std::vector<std::size_t> last_seen;  // the last document with the word
  read_shard(
      corpus, rules, shard, result.words, stop,
      [&](std::string_view word, std::uint32_t hash, std::size_t document) {
        const auto id = static_cast<std::size_t>(result.words.insert(word, hash));
        if (id == result.counts.size()) {
          result.counts.push_back(1);
          result.documents.push_back(1);
          last_seen.push_back(document);
          return;
        }
        ++result.counts[id];
        if (last_seen[id] == document) return;
        ++result.documents[id];
        last_seen[id] = document;
      },
      [] {});
  return result;
}

}  // namespace

WordCounts count_words(const Corpus& corpus, const WordRules& rules,
                       const std::atomic<bool>& stop) {
  // One shard a thread: each has a table of its own, and joining them costs.
  const auto shards = shards_of(corpus, kernel_threads());
  std::vector<WordCounts> parts(shards.size());
  parallel_throwing(shards.size(),
                    [&](std::size_t i) { parts[i] = count_shard(corpus, rules, shards[i], stop); });
  if (parts.empty()) return {};
  // Shards are consecutive, so joining them in order keeps the order of first appearance.
  WordCounts total = std::move(parts[0]);
  for (std::size_t p = 1; p < parts.size(); ++p) {
    for (int i = 0; i < parts[p].words.size(); ++i) {
      const auto from = static_cast<std::size_t>(i);
      const auto to = static_cast<std::size_t>(total.words.insert(parts[p].words.word(i)));
      if (to == total.counts.size()) {
        total.counts.push_back(0);
        total.documents.push_back(0);
      }
      total.counts[to] += parts[p].counts[from];
      total.documents[to] += parts[p].documents[from];
    }
  }
  return total;
}

Sequences index_words(const Corpus& corpus, const WordRules& rules, const Vocabulary& vocabulary,
                      const Lookup& lookup, const std::atomic<bool>& stop) {
  const auto shards = shards_of(corpus, 8 * kernel_threads());
  std::vector<Sequences> parts(shards.size());
  parallel_throwing(shards.size(), [&](std::size_t i) {
    Sequences& part = parts[i];
    read_shard(
        corpus, rules, shards[i], vocabulary.words, stop,
        [&](std::string_view word, std::uint32_t hash, std::size_t) {
          const int known = vocabulary.words.find(word, hash);
          const int index = known < 0 ? 0 : vocabulary.index[static_cast<std::size_t>(known)];
          const bool kept = known >= 0 && (lookup.num_words == 0 || index < lookup.num_words);
          const int id = kept ? index : lookup.other;
          if (id != Lookup::kDrop) part.ids.push_back(id);
        },
        [&] { part.ends.push_back(part.ids.size()); });
  });
  Sequences all;
  all.ends.reserve(corpus.size());
  for (Sequences& part : parts) {
    const std::size_t before = all.ids.size();
    all.ids.insert(all.ids.end(), part.ids.begin(), part.ids.end());
    for (std::size_t end : part.ends) all.ends.push_back(before + end);
    part = {};
  }
  return all;
}

void fill_matrix(const Sequences& sequences, MatrixMode mode, int columns,
                 const std::vector<double>& idf, double* out, const std::atomic<bool>& stop) {
  const auto rows = static_cast<std::int64_t>(sequences.size());
  constexpr std::int64_t kZeros = 1 << 18;
  parallel_for(rows * columns, kZeros, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t at = begin; at < end && !stop; at += kZeros)
      std::fill(out + at, out + std::min(end, at + kZeros), 0.0);
  });
  constexpr std::int64_t kRows = 256;
  const std::int64_t blocks = (rows + kRows - 1) / kRows;
  parallel_throwing(static_cast<std::size_t>(blocks), [&](std::size_t block) {
    std::vector<int> counts(static_cast<std::size_t>(columns), 0);
    const std::int64_t first = static_cast<std::int64_t>(block) * kRows;
    for (std::int64_t row = first; row < std::min(rows, first + kRows); ++row) {
      if (stop) throw Stopped();
      const auto i = static_cast<std::size_t>(row);
      const int* const begin = sequences.ids.data() + sequences.begin_of(i);
      const int* const end = sequences.ids.data() + sequences.ends[i];
      for (const int* id = begin; id != end; ++id) {
        if (*id < columns) ++counts[static_cast<std::size_t>(*id)];
      }
      for (const int* id = begin; id != end; ++id) {
        if (*id >= columns) continue;
        const auto column = static_cast<std::size_t>(*id);
        const int count = counts[column];
        if (count == 0) continue;  // written already
        counts[column] = 0;
        double value = 1;
        if (mode == MatrixMode::count) value = count;
        if (mode == MatrixMode::freq) value = static_cast<double>(count) / (end - begin);
        if (mode == MatrixMode::tfidf) value = (1 + std::log(count)) * idf[column];
        out[*id * rows + row] = value;
      }
    }
  });
}

}  // namespace hornet
