#include "runtime/stream.h"

#include <algorithm>

#include "runtime/device.h"

namespace cuda_emulation {
namespace {

std::vector<std::shared_ptr<Stream>>& retired() {
  static auto& all = *new std::vector<std::shared_ptr<Stream>>;
  return all;
}

template <class Visit>
void each_stream(int of_device, Visit visit) {
  streams().each([&](Stream& s) {
    if (s.device() == of_device) visit(s);
  });
  for (const auto& s : retired())
    if (s->device() == of_device) visit(*s);
}

}  // namespace

bool Mark::reached() const { return stream->done_ >= position; }
void Mark::reach() const { stream->run_until(position); }
void Mark::step() const {
  if (!reached()) stream->run_front();
}

void Stream::enqueue(std::function<void()> work, std::vector<Mark> after) {
  operations_.push_back({std::move(after), std::move(work)});
  ++queued_;
  if (eager_) run_all();
}

void Stream::run_until(std::uint64_t position) {
  while (done_ < position)
    while (!run_front()) {}
}

// One step towards the front operation's end; true when that is what ran.
bool Stream::run_front() {
  Operation& front = operations_.front();
  for (const Mark& mark : front.after)
    if (!mark.reached()) {
      mark.step();
      return false;
    }
  const std::function<void()> work = std::move(front.work);
  if (!cuda_emulation::device(device_).lost) work();
  operations_.pop_front();
  ++done_;
  return true;
}

Handles<Stream, cudaStream_t>& streams() {
  static auto& all = *new Handles<Stream, cudaStream_t>("streams");
  return all;
}

Handles<Event, cudaEvent_t>& events() {
  static auto& all = *new Handles<Event, cudaEvent_t>("events");
  return all;
}

std::shared_ptr<Stream> find_stream(cudaStream_t handle, const char* who) {
  if (!handle || handle == cudaStreamLegacy || handle == cudaStreamPerThread)
    return current_device().null_stream;
  return streams().find(handle, who);
}

void enqueue(Stream& stream, std::function<void()> work, std::vector<Mark> after) {
  Stream& null_stream = *device(stream.device()).null_stream;
  if (&stream == &null_stream) {
    each_stream(stream.device(), [&](Stream& s) {
      if (s.blocking() && !s.end().reached()) after.push_back(s.end());
    });
  } else if (stream.blocking() && !null_stream.end().reached()) {
    after.push_back(null_stream.end());
  }
  stream.enqueue(std::move(work), std::move(after));
}

void run_blocking(int of_device) {
  each_stream(of_device, [](Stream& s) {
    if (s.blocking()) s.run_all();
  });
  device(of_device).null_stream->run_all();
}

void run_device(int of_device) {
  each_stream(of_device, [](Stream& s) { s.run_all(); });
  device(of_device).null_stream->run_all();
  auto& gone = retired();
  gone.erase(std::remove_if(gone.begin(), gone.end(),
                            [&](const auto& s) { return s->device() == of_device; }),
             gone.end());
}

void retire(std::shared_ptr<Stream> stream) {
  if (!stream->end().reached()) retired().push_back(std::move(stream));
}

}  // namespace cuda_emulation
