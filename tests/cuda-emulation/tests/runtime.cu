// Streams, events, copies, devices and counters, used as they should be: right values, and
// nothing to report. Needs two devices.
#include <dlfcn.h>

#include <cstring>
#include <thread>

#include "cuda_emulation.h"
#include "tests/device.h"

namespace {

__global__ void scale(float* x, int n, float by) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) x[i] *= by;
}
__global__ void add(const float* x, float* y, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) y[i] += x[i];
}

class Stream {
 public:
  explicit Stream(unsigned flags = cudaStreamNonBlocking) {
    MUST(cudaStreamCreateWithFlags(&stream_, flags));
  }
  ~Stream() { cudaStreamDestroy(stream_); }
  Stream(const Stream&) = delete;
  operator cudaStream_t() const { return stream_; }

 private:
  cudaStream_t stream_;
};

class Event {
 public:
  explicit Event(unsigned flags = cudaEventDisableTiming) {
    MUST(cudaEventCreateWithFlags(&event_, flags));
  }
  ~Event() { cudaEventDestroy(event_); }
  Event(const Event&) = delete;
  operator cudaEvent_t() const { return event_; }

 private:
  cudaEvent_t event_;
};

template <class T>
class Pinned {
 public:
  explicit Pinned(std::size_t n) { MUST(cudaMallocHost(&data_, n * sizeof(T))); }
  ~Pinned() { cudaFreeHost(data_); }
  Pinned(const Pinned&) = delete;
  T* data() const { return data_; }

 private:
  T* data_;
};

std::vector<float> ones(std::size_t n) { return std::vector<float>(n, 1); }

cuda_emulation_counts counts() {
  using Read = void (*)(cuda_emulation_counts*);
  static const auto read = reinterpret_cast<Read>(dlsym(RTLD_DEFAULT, "cuda_emulation_counters"));
  cuda_emulation_counts c;
  read(&c);
  return c;
}

void test_two_streams() {
  Stream a, b;
  Event first, second;
  DeviceArray<float> x(ones(100)), y(ones(100));
  scale<<<1, 128, 0, a>>>(x.data(), 100, 3);
  MUST(cudaEventRecord(first, a));
  MUST(cudaStreamWaitEvent(b, first, 0));
  add<<<1, 128, 0, b>>>(x.data(), y.data(), 100);
  MUST(cudaEventRecord(second, b));
  MUST(cudaStreamWaitEvent(a, second, 0));
  scale<<<1, 128, 0, a>>>(x.data(), 100, 5);  // after y has read it
  add<<<1, 128, 0, a>>>(y.data(), x.data(), 100);
  MUST(cudaStreamSynchronize(a));
  CHECK(x.values()[99] == 19 && y.values()[99] == 4);
}

void test_polling() {
  Stream a, b;
  Event done;
  DeviceArray<float> x(ones(10));
  Event other;
  scale<<<1, 32, 0, a>>>(x.data(), 10, 2);
  MUST(cudaEventRecord(other, a));
  MUST(cudaStreamWaitEvent(b, other, 0));
  for (int i = 0; i < 5; ++i) scale<<<1, 32, 0, b>>>(x.data(), 10, 2);
  MUST(cudaEventRecord(done, b));
  int asked = 0;
  cudaError_t answer;
  while ((answer = cudaEventQuery(done)) == cudaErrorNotReady && asked < 1000) ++asked;
  CHECK(answer == cudaSuccess);
  CHECK(cudaStreamQuery(b) == cudaSuccess);
  CHECK(cudaGetLastError() == cudaSuccess);  // not being ready is no error
  MUST(cudaDeviceSynchronize());
  CHECK(x.values()[3] == 64);
}

void test_events() {
  Event start(cudaEventDefault), end(cudaEventDefault), never;
  Stream s;
  float ms = -1;
  CHECK(cudaEventQuery(never) == cudaSuccess);
  CHECK(cudaEventSynchronize(never) == cudaSuccess);
  CHECK(cudaStreamWaitEvent(s, never, 0) == cudaSuccess);
  MUST(cudaEventRecord(start, s));
  MUST(cudaEventRecord(end, s));
  MUST(cudaEventSynchronize(end));
  MUST(cudaEventElapsedTime(&ms, start, end));
  CHECK(ms >= 0);
}

void test_legacy_stream() {
  Stream blocking(cudaStreamDefault);
  DeviceArray<float> x(ones(10)), y(ones(10));
  scale<<<1, 32, 0, blocking>>>(x.data(), 10, 4);
  add<<<1, 32>>>(x.data(), y.data(), 10);  // the default stream waits for it
  scale<<<1, 32, 0, blocking>>>(y.data(), 10, 2);
  MUST(cudaStreamSynchronize(blocking));
  CHECK(y.values()[9] == 10);
}

void test_copies() {
  Stream s;
  const std::size_t n = 1000;
  Pinned<float> in(n), out(n);
  DeviceArray<float> x(n), y(n);
  for (std::size_t i = 0; i < n; ++i) in.data()[i] = static_cast<float>(i);
  MUST(cudaMemcpyAsync(x.data(), in.data(), x.bytes(), cudaMemcpyHostToDevice, s));
  MUST(cudaMemcpyAsync(y.data(), x.data(), x.bytes(), cudaMemcpyDeviceToDevice, s));
  MUST(cudaMemcpyAsync(out.data(), y.data(), y.bytes(), cudaMemcpyDefault, s));
  MUST(cudaStreamSynchronize(s));
  CHECK(std::memcmp(in.data(), out.data(), x.bytes()) == 0);

  std::vector<float> pageable(n, 7), back(n);
  MUST(cudaMemcpyAsync(x.data(), pageable.data(), x.bytes(), cudaMemcpyHostToDevice, s));
  pageable.assign(n, 0);  // was read at once
  MUST(cudaMemcpyAsync(back.data(), x.data(), x.bytes(), cudaMemcpyDeviceToHost, s));
  CHECK(back[n - 1] == 7);  // was written before the call returned
  MUST(cudaMemcpy(out.data(), in.data(), x.bytes(), cudaMemcpyHostToHost));

  MUST(cudaMemsetAsync(x.data(), 0, x.bytes(), s));
  // A block of 3 columns and 4 rows, from rows of 10 into rows of 5
  MUST(cudaMemcpy2DAsync(x.data(), 5 * sizeof(float), in.data() + 2, 10 * sizeof(float),
                         3 * sizeof(float), 4, cudaMemcpyHostToDevice, s));
  MUST(cudaStreamSynchronize(s));
  const std::vector<float> block = x.values();
  CHECK(block[0] == 2 && block[2] == 4 && block[3] == 0 && block[5] == 12 && block[17] == 34);
}

void test_memory_queries() {
  std::size_t free = 0, total = 0, less = 0;
  MUST(cudaMemGetInfo(&free, &total));
  DeviceArray<char> x(12345);
  MUST(cudaMemGetInfo(&less, &total));
  CHECK(free - less == 12345);
  Pinned<int> pinned(4);
  std::vector<int> pageable(4), registered(4);
  const auto type_of = [](const void* p) {
    cudaPointerAttributes a;
    MUST(cudaPointerGetAttributes(&a, p));
    return a.type;
  };
  CHECK(type_of(x.data() + 5) == cudaMemoryTypeDevice);
  CHECK(type_of(pinned.data()) == cudaMemoryTypeHost);
  CHECK(type_of(pageable.data()) == cudaMemoryTypeUnregistered);
  MUST(cudaHostRegister(registered.data(), 16, cudaHostRegisterDefault));
  CHECK(type_of(registered.data()) == cudaMemoryTypeHost);
  MUST(cudaHostUnregister(registered.data()));
}

void test_devices() {
  int n = 0;
  MUST(cudaGetDeviceCount(&n));
  CHECK(n == 2);
  cudaDeviceProp properties;
  MUST(cudaGetDeviceProperties(&properties, 1));
  CHECK(properties.major == 7 && properties.minor == 5 && properties.warpSize == 32);
  CHECK(cudaSetDevice(2) == cudaErrorInvalidDevice);
  CHECK(cudaGetLastError() == cudaErrorInvalidDevice);
  CHECK(cudaGetLastError() == cudaSuccess);
  int can = 0;
  MUST(cudaDeviceCanAccessPeer(&can, 0, 1));
  CHECK(can == 1);

  DeviceArray<float> x(ones(10));
  Stream here;
  Event there_done;  // events belong to the device they were made on
  scale<<<1, 32, 0, here>>>(x.data(), 10, 6);
  MUST(cudaEventRecord(there_done, here));
  MUST(cudaSetDevice(1));
  {
    DeviceArray<float> y(ones(10));
    Stream there;
    MUST(cudaStreamWaitEvent(there, there_done, 0));  // another device's event may be waited for
    MUST(cudaMemcpyPeerAsync(y.data(), 1, x.data(), 0, x.bytes(), there));
    add<<<1, 32, 0, there>>>(y.data(), y.data(), 10);
    MUST(cudaStreamSynchronize(there));
    CHECK(y.values()[4] == 12);
    MUST(cudaDeviceEnablePeerAccess(0, 0));
    CHECK(cudaDeviceEnablePeerAccess(0, 0) == cudaErrorPeerAccessAlreadyEnabled);
    CHECK(cudaGetLastError() == cudaErrorPeerAccessAlreadyEnabled);
    add<<<1, 32, 0, there>>>(x.data(), y.data(), 10);
    MUST(cudaStreamSynchronize(there));
    CHECK(y.values()[4] == 18);
  }
  MUST(cudaSetDevice(0));
}

// Every thread of the host has its own current device and its own last error.
void test_host_threads() {
  std::vector<std::thread> threads;
  std::vector<int> right(4, 0);
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      if (cudaSetDevice(t % 2)) return;
      Stream s;
      DeviceArray<float> x(ones(50));
      for (int k = 0; k < 10; ++k) scale<<<1, 64, 0, s>>>(x.data(), 50, 2);
      if (cudaStreamSynchronize(s)) return;
      int device = -1;
      right[t] = x.values()[49] == 1024 && !cudaGetDevice(&device) && device == t % 2;
    });
  for (std::thread& t : threads) t.join();
  for (const int r : right) CHECK(r == 1);
}

void test_attributes() {
  cudaFuncAttributes a;
  MUST(cudaFuncGetAttributes(&a, scale));
  CHECK(a.maxThreadsPerBlock == 1024 && a.sharedSizeBytes == 0);
  MUST(cudaFuncSetAttribute(scale, cudaFuncAttributeMaxDynamicSharedMemorySize, 60000));
  DeviceArray<float> x(ones(10));
  scale<<<1, 32, 60000>>>(x.data(), 10, 2);
  CHECK(cudaGetLastError() == cudaSuccess);
  CHECK(x.values()[0] == 2);
  CHECK(std::string(cudaGetErrorName(cudaErrorIllegalAddress)) == "cudaErrorIllegalAddress");
}

void test_counters() {
  Stream s;
  Pinned<float> host(100);
  std::memset(host.data(), 0, 400);
  const cuda_emulation_counts before = counts();
  {
    DeviceArray<float> x(100);
    MUST(cudaMemcpyAsync(x.data(), host.data(), 400, cudaMemcpyHostToDevice, s));
    scale<<<1, 128, 0, s>>>(x.data(), 100, 2);
    MUST(cudaMemcpyAsync(x.data(), x.data() + 50, 200, cudaMemcpyDeviceToDevice, s));
    CHECK(counts().host_synchronisations == before.host_synchronisations);
    MUST(cudaMemcpyAsync(host.data(), x.data(), 400, cudaMemcpyDeviceToHost, s));
    CHECK(counts().host_synchronisations == before.host_synchronisations);
    MUST(cudaStreamSynchronize(s));
    CHECK(counts().bytes_in_use == before.bytes_in_use + 400);
  }
  const cuda_emulation_counts after = counts();
  CHECK(after.kernel_launches == before.kernel_launches + 1);
  CHECK(after.host_synchronisations == before.host_synchronisations + 2);  // cudaFree is one
  CHECK(after.bytes_to_device == before.bytes_to_device + 400);
  CHECK(after.bytes_to_host == before.bytes_to_host + 400);
  CHECK(after.bytes_on_device == before.bytes_on_device + 200);
  CHECK(after.allocations == before.allocations + 1);
  CHECK(after.bytes_in_use == before.bytes_in_use && after.bytes_peak >= 400);
  CHECK(after.ptx_instructions > before.ptx_instructions);
  CHECK(after.findings == 0);
}

}  // namespace

int main() {
  test("two streams and their events", test_two_streams);
  test("asking again and again ends", test_polling);
  test("events that are never recorded, and the time between others", test_events);
  test("the legacy stream is ordered with blocking ones", test_legacy_stream);
  test("copies in all directions", test_copies);
  test("what memory a pointer points to, and how much there is", test_memory_queries);
  test("two devices, copies between them and peer access", test_devices);
  test("several threads of the host", test_host_threads);
  test("attributes of kernels", test_attributes);
  test("counters", test_counters);
  return check_result();
}
