// Sums over devices by NCCL, which is opened when a group of devices is made: machines with one
// GPU need not have it.
#include "backend/cuda/collective.h"

#include <dlfcn.h>

#include <string>

#include "base/error.h"

#if __has_include(<nccl.h>)
#include <nccl.h>

namespace hornet::cuda {
namespace {

template <class Fn>
Fn* entry(void* library, const char* name) {
  Fn* fn = reinterpret_cast<Fn*>(dlsym(library, name));
  if (!fn) throw Error(std::string("this NCCL has no ") + name, "device");
  return fn;
}

struct Nccl {
  void* library;
  decltype(&ncclCommInitAll) init_all;
  decltype(&ncclCommDestroy) destroy;
  decltype(&ncclAllReduce) all_reduce;
  decltype(&ncclGroupStart) group_start;
  decltype(&ncclGroupEnd) group_end;
  decltype(&ncclGetErrorString) error_string;

  Nccl() : library(dlopen("libnccl.so.2", RTLD_NOW | RTLD_LOCAL)) {
    if (!library)
      throw Error("several GPUs need NCCL (libnccl.so.2), which does not open", "device")
          .hint("Install it (Debian, Ubuntu: libnccl2) or train on one GPU.");
    init_all = entry<decltype(ncclCommInitAll)>(library, "ncclCommInitAll");
    destroy = entry<decltype(ncclCommDestroy)>(library, "ncclCommDestroy");
    all_reduce = entry<decltype(ncclAllReduce)>(library, "ncclAllReduce");
    group_start = entry<decltype(ncclGroupStart)>(library, "ncclGroupStart");
    group_end = entry<decltype(ncclGroupEnd)>(library, "ncclGroupEnd");
    error_string = entry<decltype(ncclGetErrorString)>(library, "ncclGetErrorString");
  }
  void check(ncclResult_t status, const char* what) const {
    if (status == ncclSuccess) return;
    throw Error(std::string("NCCL failed while ") + what + ": " + error_string(status), "device");
  }
};

const Nccl& nccl() {
  static const Nccl library;
  return library;
}

class NcclCollective final : public Collective {
 public:
  NcclCollective(const std::vector<int>& devices, const std::vector<const Queue*>& queues)
      : devices_(devices), queues_(queues), communicators_(devices.size()) {
    nccl().check(
        nccl().init_all(communicators_.data(), static_cast<int>(devices.size()), devices.data()),
        "joining the GPUs");
  }
  ~NcclCollective() override {
    for (ncclComm_t communicator : communicators_) nccl().destroy(communicator);
  }

  // In one group: a device's call waits for those of the others.
  void sum(std::size_t count, const std::vector<float*>& values) override {
    nccl().check(nccl().group_start(), "adding up");
    for (std::size_t d = 0; d < values.size(); ++d) {
      use_device(devices_[d]);
      nccl().check(nccl().all_reduce(values[d], values[d], count, ncclFloat, ncclSum,
                                     communicators_[d], queues_[d]->stream),
                   "adding up");
    }
    nccl().check(nccl().group_end(), "adding up");
  }

 private:
  const std::vector<int> devices_;
  const std::vector<const Queue*> queues_;
  std::vector<ncclComm_t> communicators_;
};

}  // namespace

std::unique_ptr<Collective> make_collective(const std::vector<int>& devices,
                                            const std::vector<const Queue*>& queues) {
  return std::make_unique<NcclCollective>(devices, queues);
}

}  // namespace hornet::cuda

#else

namespace hornet::cuda {

std::unique_ptr<Collective> make_collective(const std::vector<int>&,
                                            const std::vector<const Queue*>&) {
  throw Error("several GPUs need NCCL, and hornet was installed without it (no nccl.h)", "device")
      .hint("Install NCCL (Debian, Ubuntu: libnccl-dev) and then hornet again.");
}

}  // namespace hornet::cuda

#endif
