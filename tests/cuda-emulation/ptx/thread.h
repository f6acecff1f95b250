// One thread of a block: its registers, its stack of calls and where it is.
#pragma once
#include <cstdint>
#include <vector>

#include "ptx/instruction.h"
#include "ptx/module.h"
#include "runtime/memory.h"

namespace cuda_emulation::ptx {

class Block;

// Ends a kernel; the number is a cudaError_t that the device is lost with.
struct KernelFault {
  int error;
};

// The values of Bank::thread and Bank::block.
enum class ThreadValue {
  tid_x,
  tid_y,
  tid_z,
  lane,
  warp,
  lanes_eq,
  lanes_lt,
  lanes_le,
  lanes_gt,
  lanes_ge,
  count
};
enum class BlockValue {
  ntid_x,
  ntid_y,
  ntid_z,
  ctaid_x,
  ctaid_y,
  ctaid_z,
  nctaid_x,
  nctaid_y,
  nctaid_z,
  grid,
  sm,
  sms,
  warps,
  dynamic_shared,
  total_shared,
  count
};

class Thread {
 public:
  enum class State { running, at_barrier, at_warp, exited };

  template <class T>
  T read(Operand o) const {
    return from_bits<T>(banks_[static_cast<int>(o.bank)][o.index]);
  }
  template <class T>
  void write(std::uint32_t reg, T value) {
    banks_[0][reg] = to_bits(value);
  }

  // Puts the thread at the start of a kernel.
  void start(Block& block, unsigned index, const Function& entry, const std::uint64_t* block_values,
             const std::uint64_t* clock, std::uint8_t* arguments);
  // Until it waits, exits or has taken a long turn. Counts into the clock.
  void run(std::uint64_t& clock);

  void branch(std::uint32_t target) { pc_ = code_ + target; }
  void call(const CallSite& site);
  void leave();  // returns from a function, or exits
  void exit() { state_ = State::exited; }

  void wait(State at, const Instruction& i) {
    state_ = at;
    waits_at_ = &i;
  }
  void go_on() { state_ = State::running; }
  State state() const { return state_; }
  const Instruction* waits_at() const { return waits_at_; }
  std::size_t depth() const { return frames_.size(); }

  Block& block() const { return *block_; }
  unsigned index() const { return index_; }  // in its block
  unsigned lane() const { return index_ % 32; }
  std::string name() const;  // "block (1,0,0) thread (5,0,0)"

  // Where a parameter or a local variable is; null if it is out of bounds.
  std::uint8_t* parameter(const Instruction& i, std::uint64_t offset, std::size_t n);
  std::uint8_t* local(std::uint64_t offset, std::size_t n);

  bool carry = false;                          // of add.cc and the like
  std::uint32_t barriers = 0, warp_syncs = 0;  // passed so far

 private:
  struct Frame {
    const Function* function;
    const Instruction* return_to;
    const CallSite* site;
    std::size_t registers, locals, arguments;  // where its parts of the stacks start
  };
  void enter(const Function& function, const CallSite* site);
  void select(const Frame& frame);

  std::uint64_t* banks_[static_cast<int>(Bank::count)] = {};
  const Instruction* pc_ = nullptr;
  const Instruction* code_ = nullptr;
  State state_ = State::exited;
  const Instruction* waits_at_ = nullptr;
  std::uint64_t taken_ = 0;  // instructions
  Block* block_ = nullptr;
  unsigned index_ = 0;
  std::vector<Frame> frames_;
  std::vector<std::uint64_t> registers_;
  std::vector<std::uint8_t> locals_, arguments_;
  std::uint8_t* kernel_arguments_ = nullptr;
  std::uint64_t values_[static_cast<int>(ThreadValue::count)] = {};
  std::uint64_t local_base_ = 0;
};

}  // namespace cuda_emulation::ptx
