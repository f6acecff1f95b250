// Sums over devices by NCCL, used as they should be: right values, and nothing to report. Needs
// two devices.
#include <memory>

#include "tests/device.h"

#if __has_include(<nccl.h>)
#include <nccl.h>

namespace {

constexpr int kDevices = 2, kCount = 1000;

__global__ void fill(float* x, int n, float value) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) x[i] = value;
}

struct Rank {
  int device;
  ncclComm_t communicator = nullptr;
  cudaStream_t stream;
  std::unique_ptr<DeviceArray<float>> x, y;

  explicit Rank(int index) : device(index) {
    MUST(cudaSetDevice(device));
    MUST(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
    x = std::make_unique<DeviceArray<float>>(kCount);
    y = std::make_unique<DeviceArray<float>>(kCount);
  }
  ~Rank() {
    if (communicator) ncclCommDestroy(communicator);
    cudaStreamDestroy(stream);
  }
  void set(float value) const {
    MUST(cudaSetDevice(device));
    fill<<<(kCount + 63) / 64, 64, 0, stream>>>(x->data(), kCount, value);
    MUST(cudaGetLastError());
  }
  void sum(float* to) const {
    MUST(cudaSetDevice(device));
    MUST(ncclAllReduce(x->data(), to, kCount, ncclFloat, ncclSum, communicator, stream));
  }
  // After all that was queued here, and nothing else.
  bool holds(const float* from, float value) const {
    std::vector<float> host(kCount);
    MUST(cudaSetDevice(device));
    MUST(
        cudaMemcpyAsync(host.data(), from, kCount * sizeof(float), cudaMemcpyDeviceToHost, stream));
    MUST(cudaStreamSynchronize(stream));
    return host == std::vector<float>(kCount, value);
  }
};

struct Ranks {
  std::vector<std::unique_ptr<Rank>> all;
  Ranks() {
    ncclComm_t communicators[kDevices];
    const int devices[kDevices] = {1, 0};
    MUST(ncclCommInitAll(communicators, kDevices, devices));
    for (int rank = 0; rank < kDevices; ++rank) {
      all.push_back(std::make_unique<Rank>(devices[rank]));
      all.back()->communicator = communicators[rank];
    }
  }
  const Rank& operator[](int rank) const { return *all[rank]; }
  void sum(bool in_place) const {
    MUST(ncclGroupStart());
    for (const auto& rank : all) rank->sum(in_place ? rank->x->data() : rank->y->data());
    MUST(ncclGroupEnd());
  }
};

// What a rank queued before its part is in the sum, and what it queues afterwards is not: only the
// first rank's stream is waited for.
void test_order(bool in_place) {
  const Ranks ranks;
  for (float turn = 1; turn < 4; ++turn) {
    ranks[0].set(10 * turn);
    ranks[1].set(turn);
    ranks.sum(in_place);
    ranks[1].set(99);
    const Rank& first = ranks[0];
    CHECK(first.holds(in_place ? first.x->data() : first.y->data(), 11 * turn));
  }
  CHECK(ranks[1].holds(ranks[1].x->data(), 99));
  if (!in_place) CHECK(ranks[1].holds(ranks[1].y->data(), 33));
}

void test_two_sums_in_a_group() {
  const Ranks ranks;
  ranks[0].set(1);
  ranks[1].set(2);
  MUST(ncclGroupStart());
  ranks.sum(/* in_place = */ true);
  ranks.sum(/* in_place = */ true);
  MUST(ncclGroupEnd());
  for (int rank = 0; rank < kDevices; ++rank) CHECK(ranks[rank].holds(ranks[rank].x->data(), 6));
}

void test_alone() {
  Rank rank(1);
  MUST(ncclCommInitAll(&rank.communicator, 1, &rank.device));
  rank.set(5);
  rank.sum(rank.x->data());
  CHECK(rank.holds(rank.x->data(), 5));
}

void test_words() {
  int version = 0;
  MUST(ncclGetVersion(&version));
  CHECK(version == NCCL_VERSION_CODE);
  CHECK(std::string(ncclGetErrorString(ncclInvalidUsage)) == "invalid usage");
}

}  // namespace

int main() {
  test("sums are of what was queued before", [] { test_order(/* in_place = */ false); });
  test("sums in place", [] { test_order(/* in_place = */ true); });
  test("two sums in a group", test_two_sums_in_a_group);
  test("one device alone needs no group", test_alone);
  test("version and errors", test_words);
  return check_result();
}

#else

int main() {
  std::printf("skipped, there is no nccl.h\n");
  return 0;
}

#endif
