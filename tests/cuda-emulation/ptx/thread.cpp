#include "ptx/thread.h"

#include <driver_types.h>

#include <algorithm>

#include "ptx/block.h"
#include "runtime/findings.h"
#include "runtime/settings.h"

namespace cuda_emulation::ptx {
namespace {

constexpr std::uint64_t kTurn = 1 << 20;  // then other threads run: this one may wait for them

}  // namespace

void Thread::start(Block& block, unsigned index, const Function& entry,
                   const std::uint64_t* block_values, const std::uint64_t* clock,
                   std::uint8_t* arguments) {
  block_ = &block;
  index_ = index;
  kernel_arguments_ = arguments;
  const dim3 size = block.size();
  const std::uint32_t bit = 1u << lane();
  const std::uint64_t values[] = {index % size.x,
                                  index / size.x % size.y,
                                  index / size.x / size.y,
                                  lane(),
                                  index / 32,
                                  bit,
                                  bit - 1,
                                  bit | (bit - 1),
                                  static_cast<std::uint32_t>(~(bit | (bit - 1))),
                                  static_cast<std::uint32_t>(~(bit - 1))};
  std::copy(std::begin(values), std::end(values), values_);
  // The banks are one array of pointers; only registers are ever written through it.
  banks_[static_cast<int>(Bank::thread)] = values_;
  banks_[static_cast<int>(Bank::block)] = const_cast<std::uint64_t*>(block_values);
  banks_[static_cast<int>(Bank::frame)] = &local_base_;
  banks_[static_cast<int>(Bank::clock)] = const_cast<std::uint64_t*>(clock);
  frames_.clear();
  registers_.clear();
  locals_.clear();
  arguments_.clear();
  carry = false;
  barriers = warp_syncs = 0;
  taken_ = 0;
  state_ = State::running;
  enter(entry, nullptr);
}

void Thread::run(std::uint64_t& clock) {
  std::uint64_t left = kTurn;
  while (state_ == State::running && left) {
    --left;
    ++clock;
    const Instruction& i = *pc_++;
    if (i.guard >= 0 && (banks_[0][i.guard] != 0) == i.guard_negated) continue;
    i.run(*this, i);
  }
  taken_ += kTurn - left;
  if (taken_ < settings().hang) return;
  report("hang", "kernel " + block_->kernel_name() + ", " + name() + " took " +
                     std::to_string(taken_) + " instructions and is at " +
                     pc_->function->text_of(*pc_));
  throw KernelFault{cudaErrorLaunchTimeout};
}

void Thread::enter(const Function& function, const CallSite* site) {
  const Frame frame{&function, pc_, site, registers_.size(), locals_.size(), arguments_.size()};
  registers_.resize(frame.registers + function.registers);
  locals_.resize(frame.locals + align_up(function.local_bytes, 16), 0xA5);
  const std::size_t own = function.entry ? 0 : align_up(function.argument_bytes, 16);
  arguments_.resize(frame.arguments + own + function.call_bytes);
  frames_.push_back(frame);
  pc_ = function.code.data();
  select(frame);
}

void Thread::select(const Frame& frame) {
  banks_[0] = registers_.data() + frame.registers;
  banks_[1] = const_cast<std::uint64_t*>(frame.function->constants.data());
  local_base_ = kFirstOffset + frame.locals;
  code_ = frame.function->code.data();
}

void Thread::call(const CallSite& site) {
  if (!site.callee->decoded) decode(*site.callee);
  if (frames_.size() > 1000) {
    report("stack-overflow",
           "kernel " + block_->kernel_name() + ", " + name() + " calls " + site.callee->name);
    throw KernelFault{cudaErrorIllegalAddress};
  }
  const Frame caller = frames_.back();
  const std::size_t from =
      caller.arguments +
      (caller.function->entry ? 0 : align_up(caller.function->argument_bytes, 16));
  enter(*site.callee, &site);
  for (const CallSite::Copy& copy : site.arguments)
    std::copy_n(&arguments_[from + copy.from], copy.bytes,
                &arguments_[frames_.back().arguments + copy.to]);
}

void Thread::leave() {
  if (frames_.size() == 1) return exit();
  const Frame callee = frames_.back();
  frames_.pop_back();
  const Frame& caller = frames_.back();
  const std::size_t to =
      caller.arguments +
      (caller.function->entry ? 0 : align_up(caller.function->argument_bytes, 16));
  for (const CallSite::Copy& copy : callee.site->results)
    std::copy_n(&arguments_[callee.arguments + copy.from], copy.bytes, &arguments_[to + copy.to]);
  registers_.resize(callee.registers);
  locals_.resize(callee.locals);
  arguments_.resize(callee.arguments);
  pc_ = callee.return_to;
  select(caller);
}

std::string Thread::name() const {
  const dim3 b = block_->coordinates();
  const auto three = [](std::uint64_t x, std::uint64_t y, std::uint64_t z) {
    return "(" + std::to_string(x) + "," + std::to_string(y) + "," + std::to_string(z) + ")";
  };
  return "block " + three(b.x, b.y, b.z) + " thread " + three(values_[0], values_[1], values_[2]);
}

std::uint8_t* Thread::parameter(const Instruction& i, std::uint64_t offset, std::size_t n) {
  const Frame& frame = frames_.back();
  const Function& f = *frame.function;
  if (i.call_parameter) {
    if (offset + n > f.call_bytes) return nullptr;
    const std::size_t own = f.entry ? 0 : align_up(f.argument_bytes, 16);
    return arguments_.data() + frame.arguments + own + offset;
  }
  if (offset + n > f.argument_bytes) return nullptr;
  return f.entry ? kernel_arguments_ + offset : arguments_.data() + frame.arguments + offset;
}

std::uint8_t* Thread::local(std::uint64_t offset, std::size_t n) {
  if (offset < kFirstOffset || offset + n > kFirstOffset + locals_.size()) return nullptr;
  return locals_.data() + (offset - kFirstOffset);
}

}  // namespace cuda_emulation::ptx
