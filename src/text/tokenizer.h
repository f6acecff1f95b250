// What a tokenizer does with many documents at once, on several threads. Results do not depend on
// how many. All throw Stopped soon after `stop` becomes true.
#pragma once
#include <atomic>
#include <cstdint>
#include <vector>

#include "text/word_reader.h"
#include "text/word_table.h"

namespace hornet {

// Different words in order of first appearance: how often each occurs, and in how many documents.
struct WordCounts {
  WordTable words;
  std::vector<std::int64_t> counts, documents;
};

WordCounts count_words(const Corpus& corpus, const WordRules& rules, const std::atomic<bool>& stop);

// Documents as numbers, all in a row.
struct Sequences {
  std::vector<int> ids;
  std::vector<std::size_t> ends;

  std::size_t size() const { return ends.size(); }
  std::size_t begin_of(std::size_t i) const { return i ? ends[i - 1] : 0; }
};

// The index of every known word.
struct Vocabulary {
  WordTable words;
  std::vector<int> index;
};

// Which words are kept, and what stands for the others.
struct Lookup {
  static constexpr int kDrop = -1;
  int num_words = 0;  // words with a smaller index; 0: all that have one
  int other = kDrop;  // kDrop: nothing
};

Sequences index_words(const Corpus& corpus, const WordRules& rules, const Vocabulary& vocabulary,
                      const Lookup& lookup, const std::atomic<bool>& stop);

enum class MatrixMode { binary, count, freq, tfidf };

// Column-major rows x columns at `out`, one row a sequence, column j for the id j; larger ids count
// only for the length that "freq" divides by. `idf` holds a factor a column for "tfidf".
void fill_matrix(const Sequences& sequences, MatrixMode mode, int columns,
                 const std::vector<double>& idf, double* out, const std::atomic<bool>& stop);

}  // namespace hornet
