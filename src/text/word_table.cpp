#include "text/word_table.h"

#include <limits>

#include "base/error.h"
#include "text/word_hash.h"

namespace hornet {
namespace {

std::uint32_t short_hash(std::string_view word) {
  const std::uint64_t hash = fnv1a(word);
  return static_cast<std::uint32_t>(hash ^ hash >> 32);
}

}  // namespace

std::string_view WordTable::word(int id) const {
  const auto i = static_cast<std::size_t>(id);
  const std::size_t begin = i ? ends_[i - 1] : 0;
  return std::string_view(letters_).substr(begin, ends_[i] - begin);
}

std::size_t WordTable::slot_of(std::string_view text) const {
  const std::uint32_t hash = short_hash(text);
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = hash & mask;
  while (slots_[at].id >= 0 && (slots_[at].hash != hash || word(slots_[at].id) != text))
    at = (at + 1) & mask;
  return at;
}

int WordTable::insert(std::string_view word) {
  if ((ends_.size() + 1) * 4 > slots_.size() * 3) grow();
  Slot& slot = slots_[slot_of(word)];
  if (slot.id >= 0) return slot.id;
  if (ends_.size() == static_cast<std::size_t>(std::numeric_limits<int>::max()))
    throw Error("more different words than can be numbered", "value");
  slot = {short_hash(word), size()};
  letters_ += word;
  ends_.push_back(letters_.size());
  return slot.id;
}

void WordTable::grow() {
  std::vector<Slot> old(slots_.empty() ? 64 : 2 * slots_.size());
  old.swap(slots_);
  const std::size_t mask = slots_.size() - 1;
  for (const Slot& slot : old) {
    if (slot.id < 0) continue;
    std::size_t at = slot.hash & mask;
    while (slots_[at].id >= 0) at = (at + 1) & mask;
    slots_[at] = slot;
  }
}

}  // namespace hornet
