// Two devices that are the host: work is done when it is enqueued.
#include "backend/cuda/runtime.h"

#include <cstdlib>
#include <cstring>

#include "base/error.h"

struct CUstream_st {};
struct CUevent_st {};

namespace hornet::cuda {

int count_devices() { return 2; }

hornet_device_facts describe(int, bool) {
  hornet_device_facts facts = {};
  std::strcpy(facts.name, "the host");
  facts.memory = facts.free = std::uint64_t{1} << 30;
  return facts;
}

void use_device(int device) {
  if (device < 0 || device > 1) throw Error("there are two devices", "device");
}

void* take_memory(std::size_t bytes) {
  void* memory = std::malloc(bytes ? bytes : 1);
  std::memset(memory, 0xCD, bytes);  // nobody may count on zeros
  return memory;
}
void give_memory(void* memory) noexcept { std::free(memory); }
void* take_host_memory(std::size_t bytes) { return take_memory(bytes); }
void give_host_memory(void* memory) noexcept { std::free(memory); }

void copy(void* destination, const void* source, std::size_t bytes, Direction, Stream) {
  if (bytes) std::memcpy(destination, source, bytes);
}
void fill_with_zeros(void* memory, std::size_t bytes, Stream) {
  if (bytes) std::memset(memory, 0, bytes);
}

Stream make_stream() { return new CUstream_st; }
void release_stream(Stream stream) noexcept { delete stream; }
void synchronize(Stream) {}
Event make_event() { return new CUevent_st; }
void release_event(Event event) noexcept { delete event; }
void record(Event, Stream) {}
void wait(Stream, Event) {}
bool reached(Event) { return true; }
void check_launch(const char*) {}

}  // namespace hornet::cuda
