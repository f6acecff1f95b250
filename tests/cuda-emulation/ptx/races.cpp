#include "ptx/races.h"

namespace cuda_emulation::ptx {
namespace {

constexpr std::uint32_t kWarp = 32;

bool same_thread(const Races::Access& a, const Races::Access& b) {
  return a.block == b.block && a.thread == b.thread;
}

bool ordered(const Races::Access& earlier, const Races::Access& now) {
  if (earlier.block != now.block) return false;
  if (earlier.thread == now.thread || earlier.barriers < now.barriers) return true;
  return earlier.thread / kWarp == now.thread / kWarp && earlier.warp_syncs < now.warp_syncs;
}

bool conflict(const Races::Access& earlier, const Races::Access& now) {
  return earlier.instruction && (earlier.bytes & now.bytes) && !(earlier.atomic && now.atomic) &&
         !ordered(earlier, now);
}

}  // namespace

const Races::Access* Races::note(bool shared, std::uint64_t address, const Access& now) {
  Word& word = (shared ? shared_ : global_)[address];
  const Access* race = nullptr;
  if (conflict(word.writer, now)) race = &word.writer;
  if (now.writes && conflict(word.reader, now)) race = &word.reader;
  if (now.writes && conflict(word.other_reader, now)) race = &word.other_reader;
  if (race) {
    found_ = *race;
    race = &found_;
  }
  if (now.writes) {
    // An atomic hides no plain write that others still race with.
    const bool keep =
        now.atomic && word.writer.instruction && !word.writer.atomic && !ordered(word.writer, now);
    if (!keep) word.writer = now;
    if (!now.atomic) word.reader = word.other_reader = {};
  } else if (!word.reader.instruction || same_thread(word.reader, now) ||
             ordered(word.reader, now)) {
    word.reader = now;
  } else {
    word.other_reader = now;
  }
  return race;
}

}  // namespace cuda_emulation::ptx
