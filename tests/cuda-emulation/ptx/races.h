// The race detector: two accesses to the same bytes, one of them a write and not both atomic,
// with no barrier that puts one before the other.
#pragma once
#include <cstdint>
#include <string>
#include <unordered_map>

namespace cuda_emulation::ptx {

struct Instruction;

class Races {
 public:
  struct Access {
    std::uint32_t block = 0, thread = 0;         // of the grid, of the block
    std::uint32_t barriers = 0, warp_syncs = 0;  // the thread had passed
    std::uint8_t bytes = 0;                      // which of the 4 of a word
    bool writes = false, atomic = false;
    const Instruction* instruction = nullptr;  // null: none yet
  };

  // Notes the access to part of a word; the earlier access it races with, or null. The word is any
  // number that names 4 bytes of global memory, or of shared memory of the running block.
  const Access* note(bool shared, std::uint64_t word, const Access& access);
  void forget_shared() { shared_.clear(); }  // the next block starts

 private:
  // One writer and two readers find nearly every race: threads come in every order.
  struct Word {
    Access writer, reader, other_reader;
  };
  std::unordered_map<std::uint64_t, Word> global_, shared_;
  Access found_;
};

}  // namespace cuda_emulation::ptx
