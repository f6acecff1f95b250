// cudart: streams and events.
#include <chrono>

#include "libraries/cudart.h"
#include "runtime/settings.h"
#include "runtime/stream.h"

using namespace cuda_emulation;

namespace {

double milliseconds_now() {
  using namespace std::chrono;
  return duration<double, std::milli>(steady_clock::now().time_since_epoch()).count();
}

// Streams are told apart by the order in which they were made.
bool next_is_eager() {
  static int made = 0;
  const bool odd = made++ % 2 != 0;
  const Eager eager = settings().eager;
  return eager == Eager::all || eager == (odd ? Eager::odd : Eager::even);
}

cudaError_t create_stream(cudaStream_t* stream, unsigned flags) {
  if (flags & ~static_cast<unsigned>(cudaStreamNonBlocking)) return cudaErrorInvalidValue;
  const bool blocking = !(flags & cudaStreamNonBlocking);
  *stream =
      streams().add(std::make_shared<Stream>(current_device_index(), blocking, next_is_eager()));
  return cudaSuccess;
}

cudaError_t create_event(cudaEvent_t* event, unsigned flags) {
  auto made = std::make_shared<Event>();
  made->device = current_device_index();
  made->timing = !(flags & cudaEventDisableTiming);
  *event = events().add(std::move(made));
  return cudaSuccess;
}

cudaError_t record(cudaEvent_t event, cudaStream_t stream) {
  const auto e = events().find(event, "cudaEventRecord");
  const auto s = find_stream(stream, "cudaEventRecord");
  if (!e || !s) return cudaErrorInvalidResourceHandle;
  if (e->device != s->device()) {
    report("wrong-device", "cudaEventRecord: the event belongs to device " +
                               std::to_string(e->device) + ", the stream to device " +
                               std::to_string(s->device()));
    return cudaErrorInvalidResourceHandle;
  }
  e->time = std::make_shared<double>(0);
  enqueue(*s, [time = e->time] { *time = milliseconds_now(); });
  e->recorded = s->end();
  return cudaSuccess;
}

// Answers for the present state; then the device gets on a little, so that whoever asks in a loop
// is answered some time.
cudaError_t query(const Mark& mark) {
  ++counters().queries;
  if (mark.reached()) return device(mark.stream->device()).lost;
  mark.step();
  return cudaErrorNotReady;
}

}  // namespace

extern "C" {

cudaError_t cudaStreamCreate(cudaStream_t* stream) {
  return entry([&] { return create_stream(stream, cudaStreamDefault); });
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  return entry([&] { return create_stream(stream, flags); });
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  return entry([&] {
    const auto s = streams().find(stream, "cudaStreamDestroy");
    if (!s) return cudaErrorInvalidResourceHandle;
    streams().remove(stream, "cudaStreamDestroy");
    retire(s);
    return cudaSuccess;
  });
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  return entry([&] {
    const auto s = find_stream(stream, "cudaStreamSynchronize");
    if (!s) return cudaErrorInvalidResourceHandle;
    count_synchronisation();
    s->run_all();
    if (s == device(s->device()).null_stream) run_blocking(s->device());
    return device(s->device()).lost;
  });
}

cudaError_t cudaStreamQuery(cudaStream_t stream) {
  return entry([&] {
    const auto s = find_stream(stream, "cudaStreamQuery");
    return s ? query(s->end()) : cudaErrorInvalidResourceHandle;
  });
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  return entry([&] {
    const auto s = find_stream(stream, "cudaStreamWaitEvent");
    const auto e = events().find(event, "cudaStreamWaitEvent");
    if (!s || !e) return cudaErrorInvalidResourceHandle;
    if (e->recorded) enqueue(*s, [] {}, {*e->recorded});
    return cudaSuccess;
  });
}

cudaError_t cudaEventCreate(cudaEvent_t* event) {
  return entry([&] { return create_event(event, cudaEventDefault); });
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
  return entry([&] { return create_event(event, flags); });
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  return entry([&] {
    return events().remove(event, "cudaEventDestroy") ? cudaSuccess
                                                      : cudaErrorInvalidResourceHandle;
  });
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  return entry([&] { return record(event, stream); });
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  return entry([&] {
    const auto e = events().find(event, "cudaEventQuery");
    if (!e) return cudaErrorInvalidResourceHandle;
    if (e->recorded) return query(*e->recorded);
    ++counters().queries;
    return cudaSuccess;
  });
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  return entry([&] {
    const auto e = events().find(event, "cudaEventSynchronize");
    if (!e) return cudaErrorInvalidResourceHandle;
    count_synchronisation();
    if (!e->recorded) return cudaSuccess;
    e->recorded->reach();
    return device(e->device).lost;
  });
}

cudaError_t cudaEventElapsedTime(float* ms, cudaEvent_t start, cudaEvent_t end) {
  return entry([&] {
    const auto a = events().find(start, "cudaEventElapsedTime");
    const auto b = events().find(end, "cudaEventElapsedTime");
    if (!a || !b || !a->timing || !b->timing || !a->recorded || !b->recorded)
      return cudaErrorInvalidResourceHandle;
    if (!a->recorded->reached() || !b->recorded->reached()) return cudaErrorNotReady;
    *ms = static_cast<float>(*b->time - *a->time);
    return cudaSuccess;
  });
}

}  // extern "C"
