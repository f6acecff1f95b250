// Words numbered from 0 in the order in which they came.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hornet {

class WordTable {
 public:
  static std::uint32_t hash(std::string_view word);
  // Brings what find() and insert() first look at into the cache.
  void prefetch(std::uint32_t hash) const;

  int size() const { return static_cast<int>(ends_.size()); }
  // Valid until the next insert().
  std::string_view word(int id) const;
  // The word's number; find() gives -1 where it is new, insert() the next one.
  int find(std::string_view word, std::uint32_t hash) const;
  int find(std::string_view word) const { return find(word, hash(word)); }
  int insert(std::string_view word, std::uint32_t hash);
  int insert(std::string_view word) { return insert(word, hash(word)); }

 private:
  // All that tells short words apart is in the slot: most are found by one look at memory.
  struct alignas(32) Slot {
    std::uint64_t start = 0;  // with the length: all of a word of up to eight bytes
    std::size_t begin = 0;    // in letters_
    std::uint32_t length = 0, hash = 0;
    int id = -1;
  };
  std::size_t slot_of(std::string_view word, std::uint32_t hash) const;  // where it is, or would be
  void grow();

  std::vector<Slot> slots_;  // a power of two, at least a quarter of them free
  std::string letters_;      // all words in a row
  std::vector<std::size_t> ends_;
};

}  // namespace hornet
