#include "text/lower.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <iterator>

#include "text/case_table.h"
#include "base/utf8.h"

namespace hornet {
namespace {

constexpr std::uint32_t kSigma = 0x3a3, kSmallSigma = 0x3c3, kFinalSigma = 0x3c2;
constexpr std::uint32_t kDottedI = 0x130, kDotAbove = 0x307;

// The last range that begins at or before `point`, if it reaches that far; else null.
template <class Range, std::size_t n>
const Range* range_of(const Range (&ranges)[n], std::uint32_t point) {
  const Range* after =
      std::upper_bound(std::begin(ranges), std::end(ranges), point,
                       [](std::uint32_t p, const Range& range) { return p < range.first; });
  if (after == std::begin(ranges) || point > after[-1].last) return nullptr;
  return after - 1;
}

std::uint32_t searched_lower(std::uint32_t point) {
  const LowerRun* run = range_of(kLowerRuns, point);
  if (!run || (point - run->first) % static_cast<std::uint32_t>(run->step)) return point;
  return static_cast<std::uint32_t>(static_cast<std::int64_t>(point) + run->delta);
}

// What two bytes write (Latin, Greek, Cyrillic, Armenian, ...) is looked up.
constexpr std::uint32_t kDirect = 0x800;

const std::array<std::uint32_t, kDirect>& direct_lower() {
  static const auto table = [] {
    std::array<std::uint32_t, kDirect> made;
    for (std::uint32_t point = 0; point < kDirect; ++point) made[point] = searched_lower(point);
    return made;
  }();
  return table;
}

bool ignorable(std::uint32_t point) { return range_of(kCaseIgnorable, point); }
bool cased(std::uint32_t point) { return range_of(kCased, point); }

// The sigma in [at, behind) has a letter before it in its word, and none after it.
bool is_final_sigma(std::string_view text, const char* at, const char* behind) {
  const char* const begin = text.data();
  const char* const end = begin + text.size();
  bool before = false, after = false;
  while (at != begin) {
    const std::uint32_t point = utf8_previous(at);
    if (ignorable(point)) continue;
    before = cased(point);
    break;
  }
  while (before && behind != end) {
    const std::uint32_t point = utf8_next(behind);
    if (ignorable(point)) continue;
    after = cased(point);
    break;
  }
  return before && !after;
}

// Eight characters of ASCII.
std::uint64_t lower_eight(std::uint64_t bytes) {
  constexpr std::uint64_t kEach = 0x0101010101010101u;
  const std::uint64_t from_a = bytes + (0x80 - 'A') * kEach;
  const std::uint64_t beyond_z = bytes + (0x7f - 'Z') * kEach;
  return bytes | (from_a & ~beyond_z & 0x80 * kEach) >> 2;  // the bit that 'a' has and 'A' has not
}

}  // namespace

std::string_view lower_text(std::string_view text, std::string& buffer) {
  // No character grows by more than half.
  const std::size_t most = text.size() + text.size() / 2 + 4;
  if (buffer.size() < most) buffer.resize(most);
  const auto& direct = direct_lower();
  char* out = buffer.data();
  const char* const end = text.data() + text.size();
  for (const char* p = text.data(); p != end;) {
    if (end - p >= 8) {
      std::uint64_t eight;
      std::memcpy(&eight, p, sizeof eight);
      if (!(eight & 0x8080808080808080u)) {
        eight = lower_eight(eight);
        std::memcpy(out, &eight, sizeof eight);
        p += 8;
        out += 8;
        continue;
      }
    }
    const auto byte = static_cast<unsigned char>(*p);
    if (byte < 0x80) {
      *out++ = static_cast<char>(byte >= 'A' && byte <= 'Z' ? byte + ('a' - 'A') : byte);
      ++p;
      continue;
    }
    const char* const at = p;
    const std::uint32_t point = utf8_next(p);
    if (point == kSigma) {
      out = utf8_put(is_final_sigma(text, at, p) ? kFinalSigma : kSmallSigma, out);
    } else if (point == kDottedI) {
      *out++ = 'i';
      out = utf8_put(kDotAbove, out);
    } else {
      out = utf8_put(point < kDirect ? direct[point] : searched_lower(point), out);
    }
  }
  return {buffer.data(), static_cast<std::size_t>(out - buffer.data())};
}

}  // namespace hornet
