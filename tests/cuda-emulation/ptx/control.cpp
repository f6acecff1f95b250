// Branches, calls, and everything that waits for other threads.
#include <driver_types.h>

#include "ptx/block.h"
#include "ptx/handlers.h"

namespace cuda_emulation::ptx {
namespace {

void branch(Thread& t, const Instruction& i) { t.branch(i.target); }

void branch_by_index(Thread& t, const Instruction& i) {
  const std::uint32_t index = t.read<std::uint32_t>(i.a);
  if (index < i.details->targets.size()) return t.branch(i.details->targets[index]);
  t.block().report_at(
      "bad-branch",
      "index " + std::to_string(index) + " of " + std::to_string(i.details->targets.size()), t, i);
  throw KernelFault{cudaErrorIllegalInstruction};
}

void call(Thread& t, const Instruction& i) { t.call(i.details->call); }
void leave(Thread& t, const Instruction&) { t.leave(); }
void exit(Thread& t, const Instruction&) { t.exit(); }
void nothing(Thread&, const Instruction&) {}

void trap(Thread& t, const Instruction& i) {
  t.block().report_at("trap", "", t, i);
  throw KernelFault{cudaErrorLaunchFailure};
}

void fail_assertion(Thread& t, const Instruction& i) {
  t.block().report_at("assertion", "", t, i);
  throw KernelFault{cudaErrorAssert};
}

void wait_at_barrier(Thread& t, const Instruction& i) { t.wait(Thread::State::at_barrier, i); }
void wait_at_warp(Thread& t, const Instruction& i) { t.wait(Thread::State::at_warp, i); }

Handler find_barrier(const Opcode& opcode, Instruction& i) {
  if (opcode.has("warp")) {  // bar.warp.sync mask
    i.mode = kWarpBarrier;
    i.e = i.a;
    return wait_at_warp;
  }
  if (opcode.has("sync")) return wait_at_barrier;
  if (!opcode.has("red")) return nullptr;
  i.mode = opcode.has("popc") ? kBarrierCount : opcode.has("and") ? kBarrierAnd : kBarrierOr;
  return wait_at_barrier;
}

Handler find_warp_operation(const Opcode& opcode, Instruction& i) {
  if (opcode.name == "activemask") {
    i.mode = kActiveMask;
    return wait_at_warp;
  }
  if (!opcode.has("sync")) return nullptr;
  if (opcode.name == "shfl") {  // the mask is in e already
    i.mode = opcode.has("up")     ? kShuffleUp
             : opcode.has("down") ? kShuffleDown
             : opcode.has("bfly") ? kShuffleButterfly
                                  : kShuffleIndex;
    return wait_at_warp;
  }
  i.e = i.b;
  if (opcode.name == "vote")
    i.mode = opcode.has("ballot") ? kVoteBallot
             : opcode.has("all")  ? kVoteAll
             : opcode.has("any")  ? kVoteAny
                                  : kVoteUniform;
  else i.mode = opcode.has("all") ? kMatchAll : kMatchAny;
  return wait_at_warp;
}

}  // namespace

Handler find_control(const Opcode& opcode, Instruction& i) {
  const std::string_view name = opcode.name;
  if (name == "bra") return branch;
  if (name == "brx") return branch_by_index;
  if (name == "call") {
    if (i.details->call.callee) return call;
    return i.mode == kCallAssert ? fail_assertion : nothing;
  }
  if (name == "ret") return leave;
  if (name == "exit") return exit;
  if (name == "trap") return trap;
  if (name == "bar" || name == "barrier") return find_barrier(opcode, i);
  if (name == "shfl" || name == "vote" || name == "match" || name == "activemask")
    return find_warp_operation(opcode, i);
  for (const char* none : {"membar", "fence", "nanosleep", "prefetch", "prefetchu", "discard",
                           "applypriority", "brkpt"})
    if (name == none) return nothing;  // threads run one at a time, and memory has no caches
  return nullptr;
}

}  // namespace cuda_emulation::ptx
