#include "ptx/block.h"

#include <driver_types.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <numeric>

#include "runtime/findings.h"
#include "runtime/settings.h"

namespace cuda_emulation::ptx {
namespace {

constexpr unsigned kWarp = 32;
constexpr std::uint8_t kFreshShared = 0xA5;

}  // namespace

Block::Block(Grid& grid) : grid_(grid) {
  const Launch& launch = grid.launch;
  threads_.resize(std::size_t{launch.block.x} * launch.block.y * launch.block.z);
  shared_.resize(align_up(launch.entry->shared_bytes, 16) + launch.dynamic_shared);
  shared_written_.resize(shared_.size());
}

void Block::run(dim3 coordinates, unsigned number) {
  coordinates_ = coordinates;
  number_ = number;
  const Launch& l = grid_.launch;
  const auto warps = static_cast<std::uint64_t>((threads_.size() + kWarp - 1) / kWarp);
  const std::uint64_t values[] = {
      l.block.x,     l.block.y, l.block.z, coordinates.x,    coordinates.y,
      coordinates.z, l.grid.x,  l.grid.y,  l.grid.z,         0,
      number % 2,    2,         warps,     l.dynamic_shared, shared_.size()};
  std::copy(std::begin(values), std::end(values), values_);
  std::fill(shared_.begin(), shared_.end(), kFreshShared);
  std::fill(shared_written_.begin(), shared_written_.end(), 0);
  if (grid_.races) grid_.races->forget_shared();

  std::uint64_t& clock = instruction_clock();
  for (unsigned t = 0; t < threads_.size(); ++t)
    threads_[t].start(*this, t, *l.entry, values_, &clock,
                      const_cast<std::uint8_t*>(l.arguments.data()));
  const std::vector<unsigned> order = thread_order();
  for (;;) {
    bool progress = false, alive = false;
    for (unsigned t : order) {
      Thread& thread = threads_[t];
      if (thread.state() == Thread::State::running) {
        thread.run(clock);
        progress = true;
      }
      alive = alive || thread.state() != Thread::State::exited;
    }
    if (!alive) return;
    progress = resolve_warps() || progress;
    if (!progress && !resolve_barriers()) fail_deadlocked();
  }
}

std::vector<unsigned> Block::thread_order() {
  std::vector<unsigned> order(threads_.size());
  std::iota(order.begin(), order.end(), 0u);
  if (settings().order == Order::reverse) std::reverse(order.begin(), order.end());
  if (settings().order == Order::random) std::shuffle(order.begin(), order.end(), grid_.random);
  return order;
}

void Block::report_at(const char* kind, const std::string& what, const Thread& thread,
                      const Instruction& i) {
  for (const auto& once : grid_.reported)
    if (once.second == &i && once.first == kind) return;
  grid_.reported.emplace_back(kind, &i);
  report(kind, "kernel " + kernel_name() + ", " + thread.name() + ", " + i.function->text_of(i) +
                   (what.empty() ? "" : ": ") + what);
}

// --- memory ------------------------------------------------------------------------------------

std::uint8_t* Block::memory(Thread& thread, const Instruction& i, Space space,
                            std::uint64_t address, std::size_t n, Access access) {
  if (address % n) {
    report_at("misaligned-access", std::to_string(n) + " bytes at " + hex(address), thread, i);
    throw KernelFault{cudaErrorMisalignedAddress};
  }
  if (space == Space::generic) {
    const std::uint64_t window = address & kWindowMask;
    if (window == kSharedWindow) space = Space::shared;
    if (window == kLocalWindow) space = Space::local;
    if (window == kParamWindow) space = Space::param;
    if (window == kSharedWindow || window == kLocalWindow || window == kParamWindow)
      address -= window;
  }
  if (space == Space::shared) return shared(thread, i, address, n, access);
  if (space != Space::local && space != Space::param) return global(thread, i, address, n, access);
  address &= ~kWindowMask;
  std::uint8_t* found =
      space == Space::local ? thread.local(address, n) : thread.parameter(i, address, n);
  if (found) return found;
  report_at(space == Space::local ? "local-oob" : "parameter-oob",
            std::to_string(n) + " bytes at offset " +
                std::to_string(static_cast<std::int64_t>(address - kFirstOffset)),
            thread, i);
  throw KernelFault{cudaErrorIllegalAddress};
}

std::uint8_t* Block::global(Thread& thread, const Instruction& i, Address address, std::size_t n,
                            Access access) {
  Allocation* a = i.recent;
  if (!a || a->freed || !a->holds(address, n)) {
    Fault fault;
    a = find_range(device(), address, n, &fault);
    if (!a) {
      report_at(fault.kind, fault.what, thread, i);
      throw KernelFault{cudaErrorIllegalAddress};
    }
    i.recent = a;
  }
  std::uint8_t* written = a->written_at(address);
  if (access != Access::write && std::memchr(written, 0, n))
    report_at("uninitialised-read",
              std::to_string(n) + " bytes at offset " + std::to_string(address - a->start) +
                  " of " + std::to_string(a->size),
              thread, i);
  if (access != Access::read) std::memset(written, 1, n);
  if (grid_.races) watch(thread, i, false, address, n, access);
  return a->at(address);
}

std::uint8_t* Block::shared(Thread& thread, const Instruction& i, std::uint64_t offset,
                            std::size_t n, Access access) {
  if (offset < kFirstOffset || offset + n > kFirstOffset + shared_.size()) {
    report_at("shared-oob",
              std::to_string(n) + " bytes at offset " +
                  std::to_string(static_cast<std::int64_t>(offset - kFirstOffset)) + " of " +
                  std::to_string(shared_.size()),
              thread, i);
    throw KernelFault{cudaErrorIllegalAddress};
  }
  const std::size_t at = offset - kFirstOffset;
  if (access != Access::write && std::memchr(&shared_written_[at], 0, n))
    report_at("uninitialised-read",
              std::to_string(n) + " bytes of shared memory at offset " + std::to_string(at), thread,
              i);
  if (access != Access::read) std::memset(&shared_written_[at], 1, n);
  if (grid_.races) watch(thread, i, true, at, n, access);
  return &shared_[at];
}

void Block::watch(Thread& thread, const Instruction& i, bool is_shared, Address address,
                  std::size_t n, Access access) {
  Races::Access now;
  now.block = number_;
  now.thread = thread.index();
  now.barriers = thread.barriers;
  now.warp_syncs = thread.warp_syncs;
  now.writes = access != Access::read;
  now.atomic = access == Access::update || i.volatile_;
  now.instruction = &i;
  for (Address word = address / 4; word <= (address + n - 1) / 4; ++word) {
    const Address first = std::max(address, word * 4) % 4,
                  last = std::min(address + n - 1, word * 4 + 3) % 4;
    now.bytes = static_cast<std::uint8_t>((2u << last) - (1u << first));
    const Races::Access* earlier = grid_.races->note(is_shared, word, now);
    if (!earlier) continue;
    report_at("race",
              std::string(now.writes ? "writes " : "reads ") + (is_shared ? "shared" : "global") +
                  " memory that thread " + std::to_string(earlier->thread) + " of block " +
                  std::to_string(earlier->block) + (earlier->writes ? " wrote" : " read") + ", " +
                  earlier->instruction->function->text_of(*earlier->instruction),
              thread, i);
    return;
  }
}

// --- waiting -----------------------------------------------------------------------------------

bool Block::resolve_warps() {
  bool any = false;
  for (unsigned first = 0; first < threads_.size(); first += kWarp)
    for (unsigned lane = 0; lane < kWarp && first + lane < threads_.size(); ++lane)
      if (threads_[first + lane].state() == Thread::State::at_warp)
        any = resolve_warp(first, lane) || any;
  return any;
}

// Tries the operation that the leader waits at: it needs all lanes of the leader's mask that have
// not exited. activemask, whose mask is nobody's, takes those that are there.
bool Block::resolve_warp(unsigned first, unsigned leader) {
  Thread& lead = threads_[first + leader];
  const Instruction& i = *lead.waits_at();
  const bool asks_who_is_there = i.mode == kActiveMask;
  const std::uint32_t mask = asks_who_is_there ? ~0u : lead.read<std::uint32_t>(i.e);
  if (!(mask >> leader & 1)) {
    report_at("warp-mask", "the lane is not in its own mask " + hex(mask), lead, i);
    throw KernelFault{cudaErrorLaunchFailure};
  }
  std::vector<Thread*> lanes(kWarp, nullptr);
  for (unsigned lane = 0; lane < kWarp && first + lane < threads_.size(); ++lane) {
    Thread& t = threads_[first + lane];
    if (!(mask >> lane & 1) || t.state() == Thread::State::exited) continue;
    const bool there =
        t.state() == Thread::State::at_warp && t.waits_at() == &i && t.depth() == lead.depth();
    if (!there && asks_who_is_there) continue;
    if (!there) return false;
    if (!asks_who_is_there && t.read<std::uint32_t>(i.e) != mask)
      report_at("warp-mask",
                "masks differ: " + hex(mask) + " and " + hex(t.read<std::uint32_t>(i.e)), t, i);
    lanes[lane] = &t;
  }
  run_warp_operation(i, lanes);
  for (Thread* t : lanes)
    if (t) t->go_on();
  return true;
}

bool Block::resolve_barriers() {
  std::map<std::uint32_t, std::vector<Thread*>> waiting;  // by the barrier's number
  std::size_t alive = 0;
  for (Thread& t : threads_) {
    alive += t.state() != Thread::State::exited;
    if (t.state() == Thread::State::at_barrier)
      waiting[t.read<std::uint32_t>(t.waits_at()->a)].push_back(&t);
  }
  for (const auto& barrier : waiting) {
    const Thread& one = *barrier.second.front();
    const std::uint32_t expected = one.read<std::uint32_t>(one.waits_at()->b);
    const std::size_t there = barrier.second.size();
    if (expected ? there >= expected : there == alive) {
      release_barrier(barrier.second, expected == 0);
      return true;
    }
  }
  return false;
}

void Block::release_barrier(const std::vector<Thread*>& waiting, bool all) {
  const Thread& first = *waiting.front();
  if (all && waiting.size() < threads_.size())
    report_at("barrier-divergence",
              std::to_string(threads_.size() - waiting.size()) +
                  " threads of the block exited before this barrier",
              first, *first.waits_at());
  for (const Thread* t : waiting)
    if (t->waits_at() != first.waits_at()) {
      report_at("barrier-divergence",
                "others of the block wait at another barrier, " +
                    t->waits_at()->function->text_of(*t->waits_at()),
                first, *first.waits_at());
      break;
    }
  std::uint32_t votes = 0, reached = 0;
  for (Thread* t : waiting) {
    votes += t->read<std::uint32_t>(t->waits_at()->c) != t->waits_at()->negated;
    reached = std::max(reached, t->barriers + 1);
  }
  for (Thread* t : waiting) {
    const Instruction& i = *t->waits_at();
    if (i.d != kNoRegister)
      t->write<std::uint32_t>(i.d, i.mode == kBarrierCount ? votes
                                   : i.mode == kBarrierAnd ? votes == waiting.size()
                                                           : votes != 0);
    t->barriers = reached;
    t->go_on();
  }
}

void Block::fail_deadlocked() {
  std::map<const Instruction*, std::vector<const Thread*>> places;
  for (const Thread& t : threads_)
    if (t.state() != Thread::State::exited) places[t.waits_at()].push_back(&t);
  std::string others;
  for (const auto& place : places)
    others += "; " + std::to_string(place.second.size()) + " threads at " +
              place.first->function->text_of(*place.first);
  const bool barrier = std::any_of(places.begin(), places.end(), [](const auto& place) {
    return place.second.front()->state() == Thread::State::at_barrier;
  });
  const auto& place = *places.begin();
  report_at(barrier ? "barrier-divergence" : "warp-divergence",
            "no thread of the block can go on" + others, *place.second.front(), *place.first);
  throw KernelFault{cudaErrorLaunchFailure};
}

}  // namespace cuda_emulation::ptx
