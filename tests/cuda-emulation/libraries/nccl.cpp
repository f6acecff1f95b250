// NCCL: sums over the devices of one process. Each device's part is an operation in its stream,
// which runs when the streams of all have come to theirs.
#include <cuda_runtime_api.h>
#include <nccl.h>

#include <algorithm>
#include <string>
#include <vector>

#include "libraries/array.h"
#include "runtime/device.h"
#include "runtime/handles.h"
#include "runtime/stream.h"

using namespace cuda_emulation;

// The handle's type is the library's own to define.
struct ncclComm {
  int device, rank;
  std::size_t clique;  // which ncclCommInitAll() made it
  int ranks;           // of the clique
};

namespace {

Handles<ncclComm, ncclComm_t>& communicators() {
  static auto& all = *new Handles<ncclComm, ncclComm_t>("NCCL communicators");
  return all;
}

struct Part {
  std::shared_ptr<ncclComm> communicator;
  std::shared_ptr<Stream> stream;
  const float* from;
  float* to;
  std::size_t count;

  std::string who() const {
    return "ncclAllReduce, rank " + std::to_string(communicator->rank) + " of " +
           std::to_string(communicator->ranks);
  }
};

// What this thread asked for between ncclGroupStart() and ncclGroupEnd().
thread_local int depth = 0;
thread_local std::vector<Part> asked;

ncclResult_t wrong(const char* kind, const std::string& what,
                   ncclResult_t answer = ncclInvalidArgument) {
  report(kind, what);
  return answer;
}

// All parts of one sum; the first that runs computes it, before anyone has overwritten an input.
class Sum {
 public:
  explicit Sum(std::vector<Part> parts) : parts_(std::move(parts)) {}

  void run(std::size_t rank) {
    const Part& part = parts_[rank];
    const int device = part.communicator->device;
    if (!computed_) compute();
    FloatArray to;
    if (!good_ || !to.open(device, part.to, part.count, part.who() + ", output"))
      return lose_device(device, cudaErrorIllegalAddress);
    for (std::size_t i = 0; i < part.count; ++i) to.set(i, static_cast<float>(sums_[i]));
  }

 private:
  void compute() {
    computed_ = true;
    sums_.assign(parts_[0].count, 0);
    for (const Part& part : parts_) {
      FloatArray from;
      good_ = good_ &&
              from.open(part.communicator->device, part.from, part.count, part.who() + ", input");
      for (std::size_t i = 0; good_ && i < part.count; ++i) sums_[i] += from.get(i);
    }
  }

  const std::vector<Part> parts_;  // by rank
  std::vector<double> sums_;
  bool computed_ = false, good_ = true;
};

// Takes the earliest call of each rank of the first call's clique.
std::vector<Part> take_sum(std::vector<Part>& calls) {
  const ncclComm first = *calls.front().communicator;
  std::vector<Part> parts;
  for (int rank = 0; rank < first.ranks; ++rank) {
    const auto found = std::find_if(calls.begin(), calls.end(), [&](const Part& part) {
      return part.communicator->clique == first.clique && part.communicator->rank == rank;
    });
    if (found == calls.end()) continue;
    parts.push_back(std::move(*found));
    calls.erase(found);
  }
  return parts;
}

ncclResult_t enqueue_sum(std::vector<Part> parts) {
  const Part first = parts[0];
  if (static_cast<int>(parts.size()) < first.communicator->ranks)
    return wrong("incomplete-group",
                 first.who() + ": " + std::to_string(parts.size()) +
                     " ranks take part in this group; they would wait for the others for ever",
                 ncclInvalidUsage);
  for (const Part& part : parts)
    if (part.count != first.count)
      return wrong("bad-argument", part.who() + ": " + std::to_string(part.count) + " numbers, " +
                                       first.who() + ": " + std::to_string(first.count));
  const auto sum = std::make_shared<Sum>(parts);
  std::vector<Mark> arrivals;
  for (const Part& part : parts) {
    enqueue(*part.stream, [] {});
    arrivals.push_back(part.stream->end());
  }
  for (std::size_t rank = 0; rank < parts.size(); ++rank)
    enqueue(
        *parts[rank].stream, [sum, rank] { sum->run(rank); }, arrivals);
  return ncclSuccess;
}

}  // namespace

extern "C" {

ncclResult_t ncclGetVersion(int* version) {
  *version = NCCL_VERSION_CODE;
  return ncclSuccess;
}

ncclResult_t ncclCommInitAll(ncclComm_t* made, int ranks, const int* devices) {
  static std::size_t cliques = 0;
  Lock lock(runtime_mutex());
  if (entry_error()) return ncclUnhandledCudaError;
  std::vector<int> indices;
  for (int rank = 0; rank < ranks; ++rank) {
    const int device = devices ? devices[rank] : rank;
    if (device < 0 || device >= device_count() ||
        std::find(indices.begin(), indices.end(), device) != indices.end())
      return wrong("bad-argument",
                   "ncclCommInitAll: device " + std::to_string(device) + " is not there, or twice");
    indices.push_back(device);
  }
  if (ranks < 1) return wrong("bad-argument", "ncclCommInitAll: no devices");
  ++cliques;
  for (int rank = 0; rank < ranks; ++rank)
    made[rank] = communicators().add(
        std::make_shared<ncclComm>(ncclComm{indices[rank], rank, cliques, ranks}));
  return ncclSuccess;
}

ncclResult_t ncclCommDestroy(ncclComm_t communicator) {
  Lock lock(runtime_mutex());
  return communicators().remove(communicator, "ncclCommDestroy") ? ncclSuccess
                                                                 : ncclInvalidArgument;
}

ncclResult_t ncclGroupStart() {
  ++depth;
  return ncclSuccess;
}

ncclResult_t ncclGroupEnd() {
  Lock lock(runtime_mutex());
  if (depth == 0) return wrong("bad-argument", "ncclGroupEnd: no group was begun");
  if (--depth > 0) return ncclSuccess;
  std::vector<Part> calls;
  calls.swap(asked);
  ncclResult_t answer = ncclSuccess;
  while (!calls.empty() && answer == ncclSuccess) answer = enqueue_sum(take_sum(calls));
  return answer;
}

// Stricter than the library in one point: the communicator's device must be the current one.
ncclResult_t ncclAllReduce(const void* from, void* to, size_t count, ncclDataType_t type,
                           ncclRedOp_t op, ncclComm_t communicator, cudaStream_t stream) {
  Lock lock(runtime_mutex());
  const auto c = communicators().find(communicator, "ncclAllReduce");
  if (!c) return ncclInvalidArgument;
  if (device(c->device).lost) return ncclUnhandledCudaError;
  const auto s = find_stream(stream, "ncclAllReduce");
  if (!s) return ncclInvalidArgument;
  const Part part{c, s, static_cast<const float*>(from), static_cast<float*>(to), count};
  if (type != ncclFloat || op != ncclSum)
    return wrong("bad-argument", part.who() + ": only sums of floats are emulated");
  if (current_device_index() != c->device || s->device() != c->device)
    return wrong("wrong-device", part.who() + ": the communicator belongs to device " +
                                     std::to_string(c->device) + ", the stream to device " +
                                     std::to_string(s->device()) + ", the current device is " +
                                     std::to_string(current_device_index()));
  if (part.from != part.to && part.from < part.to + count && part.to < part.from + count)
    return wrong("bad-argument", part.who() + ": input and output overlap");
  if (depth == 0 && c->ranks > 1)
    return wrong("outside-of-group", part.who() + ": one thread has all ranks, and no group",
                 ncclInvalidUsage);
  if (depth == 0) return enqueue_sum({part});
  asked.push_back(part);
  return ncclSuccess;
}

const char* ncclGetErrorString(ncclResult_t result) {
  switch (result) {
    case ncclSuccess:
      return "no error";
    case ncclUnhandledCudaError:
      return "unhandled cuda error";
    case ncclInvalidArgument:
      return "invalid argument";
    case ncclInvalidUsage:
      return "invalid usage";
    default:
      return "internal error";
  }
}

}  // extern "C"
