#include "text/word_table.h"

#include <cstring>
#include <limits>

#include "base/error.h"
#include "text/word_hash.h"

namespace hornet {
namespace {

template <class Number>
std::uint64_t load(const char* from) {
  Number number;
  std::memcpy(&number, from, sizeof number);
  return number;
}

// Differs for any two words of the same length of up to eight bytes.
std::uint64_t start_of(std::string_view word) {
  const char* const letters = word.data();
  const std::size_t n = word.size();
  if (n >= 8) return load<std::uint64_t>(letters);
  if (n >= 4) return load<std::uint32_t>(letters) | load<std::uint32_t>(letters + n - 4) << 32;
  if (n == 0) return 0;
  return load<std::uint8_t>(letters) | load<std::uint8_t>(letters + n / 2) << 8 |
         load<std::uint8_t>(letters + n - 1) << 16;
}

}  // namespace

std::uint32_t WordTable::hash(std::string_view word) {
  const std::uint64_t hash = fnv1a(word);
  return static_cast<std::uint32_t>(hash ^ hash >> 32);
}

void WordTable::prefetch(std::uint32_t hash) const {
  if (!slots_.empty()) __builtin_prefetch(&slots_[hash & (slots_.size() - 1)]);
}

int WordTable::find(std::string_view word, std::uint32_t hash) const {
  return slots_.empty() ? -1 : slots_[slot_of(word, hash)].id;
}

std::string_view WordTable::word(int id) const {
  const auto i = static_cast<std::size_t>(id);
  const std::size_t begin = i ? ends_[i - 1] : 0;
  return std::string_view(letters_).substr(begin, ends_[i] - begin);
}

std::size_t WordTable::slot_of(std::string_view text, std::uint32_t hash) const {
  const std::size_t mask = slots_.size() - 1;
  const std::uint64_t start = start_of(text);
  for (std::size_t at = hash & mask;; at = (at + 1) & mask) {
    const Slot& slot = slots_[at];
    if (slot.id < 0) return at;
    if (slot.hash != hash || slot.length != text.size() || slot.start != start) continue;
    if (text.size() <= sizeof start ||
        std::memcmp(letters_.data() + slot.begin, text.data(), text.size()) == 0)
      return at;
  }
}

int WordTable::insert(std::string_view word, std::uint32_t hash) {
  if ((ends_.size() + 1) * 4 > slots_.size() * 3) grow();
  Slot& slot = slots_[slot_of(word, hash)];
  if (slot.id >= 0) return slot.id;
  if (ends_.size() == static_cast<std::size_t>(std::numeric_limits<int>::max()))
    throw Error("more different words than can be numbered", "value");
  slot = {start_of(word), letters_.size(), static_cast<std::uint32_t>(word.size()), hash, size()};
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
