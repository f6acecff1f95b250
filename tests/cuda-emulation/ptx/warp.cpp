// Operations the lanes of a warp carry out together.
#include <algorithm>

#include "ptx/block.h"

namespace cuda_emulation::ptx {
namespace {

using Lanes = std::vector<Thread*>;

std::uint32_t ballot(const Instruction& i, const Lanes& lanes) {
  std::uint32_t votes = 0;
  for (std::size_t k = 0; k < lanes.size(); ++k)
    if (lanes[k] && (lanes[k]->read<std::uint64_t>(i.a) != 0) != i.negated) votes |= 1u << k;
  return votes;
}

std::uint32_t present(const Lanes& lanes) {
  std::uint32_t there = 0;
  for (std::size_t k = 0; k < lanes.size(); ++k)
    if (lanes[k]) there |= 1u << k;
  return there;
}

// Operand c: the lanes form segments (bits 8-12) and the clamp (bits 0-4) ends each of them.
void shuffle(const Instruction& i, const Lanes& lanes) {
  std::uint64_t values[32] = {};
  for (std::size_t k = 0; k < lanes.size(); ++k)
    if (lanes[k]) values[k] = lanes[k]->read<std::uint32_t>(i.a);
  for (int lane = 0; lane < static_cast<int>(lanes.size()); ++lane) {
    Thread* t = lanes[lane];
    if (!t) continue;
    const int b = static_cast<int>(t->read<std::uint32_t>(i.b) & 31);
    const std::uint32_t c = t->read<std::uint32_t>(i.c);
    const int segment = c >> 8 & 31, clamp = c & 31;
    const int least = lane & segment, most = least | (clamp & ~segment);
    int source = lane;
    bool in_range = false;
    switch (i.mode) {
      case kShuffleUp:
        source = lane - b;
        in_range = source >= most;
        break;
      case kShuffleDown:
        source = lane + b;
        in_range = source <= most;
        break;
      case kShuffleButterfly:
        source = lane ^ b;
        in_range = source <= most;
        break;
      default:
        source = least | (b & ~segment);
        in_range = source <= most;
        break;
    }
    if (!in_range) source = lane;
    if (!lanes[source])
      t->block().report_at("inactive-lane",
                           "reads lane " + std::to_string(source) + ", which takes no part", *t, i);
    if (i.d != kNoRegister) t->write(i.d, values[source]);
    if (i.d2 != kNoRegister) t->write<std::uint64_t>(i.d2, in_range);
  }
}

void vote(const Instruction& i, const Lanes& lanes) {
  const std::uint32_t votes = ballot(i, lanes), there = present(lanes);
  const std::uint32_t result = i.mode == kVoteBallot ? votes
                               : i.mode == kVoteAll  ? votes == there
                               : i.mode == kVoteAny  ? votes != 0
                                                     : votes == 0 || votes == there;
  for (Thread* t : lanes)
    if (t) t->write<std::uint32_t>(i.d, result);
}

void match(const Instruction& i, const Lanes& lanes) {
  const std::uint32_t there = present(lanes);
  for (Thread* t : lanes) {
    if (!t) continue;
    std::uint32_t equal = 0;
    for (std::size_t k = 0; k < lanes.size(); ++k)
      if (lanes[k] && lanes[k]->read<std::uint64_t>(i.a) == t->read<std::uint64_t>(i.a))
        equal |= 1u << k;
    const bool all = equal == there;
    t->write<std::uint32_t>(i.d, i.mode == kMatchAny || all ? equal : 0);
    if (i.d2 != kNoRegister) t->write<std::uint32_t>(i.d2, all);
  }
}

}  // namespace

void run_warp_operation(const Instruction& i, const Lanes& lanes) {
  if (i.mode <= kShuffleIndex) return shuffle(i, lanes);
  if (i.mode <= kVoteBallot) return vote(i, lanes);
  if (i.mode <= kMatchAll) return match(i, lanes);
  if (i.mode == kActiveMask) {
    for (Thread* t : lanes)
      if (t) t->write<std::uint32_t>(i.d, present(lanes));
    return;
  }
  std::uint32_t reached = 0;  // bar.warp.sync: what was written before it is seen after it
  for (Thread* t : lanes)
    if (t) reached = std::max(reached, t->warp_syncs + 1);
  for (Thread* t : lanes)
    if (t) t->warp_syncs = reached;
}

}  // namespace cuda_emulation::ptx
