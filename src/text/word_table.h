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
  int size() const { return static_cast<int>(ends_.size()); }
  // Valid until the next insert().
  std::string_view word(int id) const;
  // The word's number; find() gives -1 where it is new, insert() the next one.
  int find(std::string_view word) const { return slots_.empty() ? -1 : slots_[slot_of(word)].id; }
  int insert(std::string_view word);

 private:
  struct Slot {
    std::uint32_t hash = 0;
    int id = -1;
  };
  std::size_t slot_of(std::string_view word) const;  // where it is, or would be
  void grow();

  std::vector<Slot> slots_;  // a power of two, at least a quarter of them free
  std::string letters_;      // all words in a row
  std::vector<std::size_t> ends_;
};

}  // namespace hornet
