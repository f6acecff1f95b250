// Streams and events. Work is queued and runs only when something legally makes it run, so that
// a forgotten wait shows. Under runtime_mutex().
#pragma once
#include <driver_types.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "runtime/handles.h"

namespace cuda_emulation {

class Stream;

// Everything in a stream up to a position.
struct Mark {
  std::shared_ptr<Stream> stream;
  std::uint64_t position = 0;

  bool reached() const;
  void reach() const;  // runs what is missing
  void step() const;   // runs one piece of what is missing
};

class Stream : public std::enable_shared_from_this<Stream> {
 public:
  // An eager one runs its work when that is queued, with whatever it has to wait for.
  Stream(int device, bool blocking, bool eager)
      : device_(device), blocking_(blocking), eager_(eager) {}

  int device() const { return device_; }
  bool blocking() const { return blocking_; }  // ordered with the legacy default stream

  // `work` runs after all that was queued here, and after the marks.
  void enqueue(std::function<void()> work, std::vector<Mark> after = {});
  Mark end() { return {shared_from_this(), queued_}; }
  void run_all() { run_until(queued_); }

 private:
  friend struct Mark;
  struct Operation {
    std::vector<Mark> after;
    std::function<void()> work;
  };
  void run_until(std::uint64_t position);
  bool run_front();

  int device_;
  bool blocking_, eager_;
  std::deque<Operation> operations_;
  std::uint64_t queued_ = 0, done_ = 0;
};

struct Event {
  int device = 0;
  bool timing = true;
  std::optional<Mark> recorded;
  std::shared_ptr<double> time;  // milliseconds; set when the device gets there
};

Handles<Stream, cudaStream_t>& streams();
Handles<Event, cudaEvent_t>& events();

// The stream of a handle on the current device (null: its default stream); null after a finding.
std::shared_ptr<Stream> find_stream(cudaStream_t handle, const char* who);
// Queues work as that stream's kind demands: the legacy stream waits for all blocking ones of its
// device, and they for it.
void enqueue(Stream& stream, std::function<void()> work, std::vector<Mark> after = {});
// What the legacy default stream of the device waits for.
void run_blocking(int device);
void run_device(int device);
// Destroyed, but its work still has to run.
void retire(std::shared_ptr<Stream> stream);

}  // namespace cuda_emulation
