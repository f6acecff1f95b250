// What the plugin asks of the device's runtime. Failure throws Error: kind "out_of_memory" or
// "device". (tests/native has a second one, where the host plays the device.)
#pragma once
#include <cstddef>

#include "backend/plugin_abi.h"

struct CUstream_st;
struct CUevent_st;

namespace hornet::cuda {

using Stream = CUstream_st*;
using Event = CUevent_st*;

int count_devices();
// `in_use`: whether it may be asked for its free memory, which makes it set up what it needs to
// compute.
hornet_device_facts describe(int device, bool in_use);
// For the calling thread, before it does anything else with that device.
void use_device(int device);

void* take_memory(std::size_t bytes);
void give_memory(void* memory) noexcept;
void* take_host_memory(std::size_t bytes);  // pinned
void give_host_memory(void* memory) noexcept;

enum class Direction { to_device, to_host, on_device };
void copy(void* destination, const void* source, std::size_t bytes, Direction, Stream);
void fill_with_zeros(void* memory, std::size_t bytes, Stream);

Stream make_stream();
void release_stream(Stream) noexcept;
void synchronize(Stream);

Event make_event();
void release_event(Event) noexcept;
void record(Event, Stream);
void wait(Stream, Event);  // what is enqueued on the stream after this
bool reached(Event);

// What a launch just before this reported; `kernel` for the message.
void check_launch(const char* kernel);

}  // namespace hornet::cuda
