// Planted bugs. Each is run as a process of its own, in one mode of the emulation, and must show:
// by a finding of a kind, by a wrong value, or by a signal.
//
//   bugs            runs them all
//   bugs NAME       makes that mistake
#include <cublas_v2.h>
#include <cudnn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cassert>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include "tests/device.h"

#if __has_include(<nccl.h>)
#include <nccl.h>
#define HAS_NCCL 1
#else
#define HAS_NCCL 0
#endif

namespace {

// --- kernels ---------------------------------------------------------------------------------

__global__ void fill(float* x, int n, float value) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) x[i] = value;
}
__global__ void fill_unguarded(float* x, float value) {
  x[blockIdx.x * blockDim.x + threadIdx.x] = value;
}
__global__ void copy(const float* x, float* y, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) y[i] = x[i];
}
__global__ void copy_next(const float* x, float* y, int n) {  // reads one too far
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) y[i] = x[i + 1];
}
__global__ void add_neighbours(const float* x, float* y) {  // no barrier between the two
  __shared__ float tile[64];
  tile[threadIdx.x] = x[threadIdx.x];
  y[threadIdx.x] = tile[threadIdx.x] + tile[63 - threadIdx.x];
}
__global__ void barrier_in_branch(float* x) {
  __shared__ float tile[64];
  tile[threadIdx.x] = 1;
  if (threadIdx.x < 40) __syncthreads();
  x[threadIdx.x] = tile[threadIdx.x];
}
__global__ void barrier_or_shuffle(float* x) {
  float v = static_cast<float>(threadIdx.x);
  if (threadIdx.x % 2) __syncthreads();
  else v += __shfl_sync(~0u, v, 0);
  x[threadIdx.x] = v;
}
__global__ void shared_beyond_end(float* x, int at) {
  __shared__ float tile[32];
  tile[threadIdx.x] = 1;
  __syncthreads();
  x[threadIdx.x] = tile[(threadIdx.x + at) % 64];
}
__global__ void shared_never_written(float* x) {
  __shared__ float tile[32];
  if (threadIdx.x != 7) tile[threadIdx.x] = 1;
  __syncthreads();
  x[threadIdx.x] = tile[threadIdx.x];
}
__global__ void fill_by_stride(float* x, int n, float value) {  // one too long
  const int stride = gridDim.x * blockDim.x + 1;
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += stride) x[i] = value;
}
__global__ void count_without_atomic(float* counter) { *counter += 1; }
__global__ void sum_blocks_without_atomic(float* sum) {
  if (threadIdx.x == 0) sum[0] = sum[0] + 1;
}
__global__ void add_four(float4* x) {
  float4 v = x[threadIdx.x];
  v.x += v.y + v.z + v.w;
  x[threadIdx.x] = v;
}
__global__ void uses_dynamic_shared(float* x) {
  extern __shared__ float tile[];
  tile[threadIdx.x] = 1;
  x[threadIdx.x] = tile[threadIdx.x];
}
__global__ void __launch_bounds__(64) small_blocks(float* x) { x[threadIdx.x] = 1; }
__global__ void shuffles_inactive(float* x) {
  float v = 1;
  if (threadIdx.x < 16) v = __shfl_sync(0xFFFFu, v, threadIdx.x + 16);
  x[threadIdx.x] = v;
}
__global__ void spins(volatile int* flag) {
  while (*flag == 0) {}
}
__global__ void fails_assertion(const float* x) { assert(x[threadIdx.x] > 2); }
__global__ void traps(const float* x) {
  if (x[0] == 1) asm("trap;");
}
__global__ void unknown_to_the_interpreter() { asm volatile("bar.arrive 1, 64;"); }
__global__ void wrong_index(int* x, const int* index) { x[index[threadIdx.x]] = 1; }

// --- mistakes on the host --------------------------------------------------------------------

cudaStream_t make_stream() {
  cudaStream_t s;
  MUST(cudaStreamCreateWithFlags(&s, cudaStreamNonBlocking));
  return s;
}
cudaEvent_t make_event() {
  cudaEvent_t e;
  MUST(cudaEventCreateWithFlags(&e, cudaEventDisableTiming));
  return e;
}
template <class T>
T* pinned(std::size_t n) {
  T* p;
  MUST(cudaMallocHost(&p, n * sizeof(T)));
  std::memset(p, 0, n * sizeof(T));
  return p;
}

// Exit status of a mistake whose result is wrong, which is all that shows.
constexpr int kWrongValue = 42;
void expect_value(bool right) {
  if (!right) std::exit(kWrongValue);
}

void missing_stream_sync() {
  cudaStream_t s = make_stream();
  DeviceArray<float> x(64);
  float* host = pinned<float>(64);
  fill<<<1, 64, 0, s>>>(x.data(), 64, 3);
  MUST(cudaMemcpyAsync(host, x.data(), x.bytes(), cudaMemcpyDeviceToHost, s));
  expect_value(host[5] == 3);  // too early
}

void two_streams(bool wait, bool right_stream, bool in_time) {
  cudaStream_t a = make_stream(), b = make_stream();
  cudaEvent_t e = make_event();
  DeviceArray<float> x(std::vector<float>(64, 0)), y(64);
  if (!in_time) MUST(cudaEventRecord(e, a));  // before the work it should cover
  fill<<<1, 64, 0, a>>>(x.data(), 64, 3);
  if (in_time) MUST(cudaEventRecord(e, right_stream ? a : b));
  if (wait) MUST(cudaStreamWaitEvent(b, e, 0));
  copy<<<1, 64, 0, b>>>(x.data(), y.data(), 64);
  MUST(cudaStreamSynchronize(b));
  std::vector<float> host(64);
  MUST(cudaMemcpyAsync(host.data(), y.data(), y.bytes(), cudaMemcpyDeviceToHost, b));
  expect_value(host[5] == 3);
}
void forgotten_event() { two_streams(false, true, true); }
void event_on_the_wrong_stream() { two_streams(true, false, true); }
void event_recorded_too_early() { two_streams(true, true, false); }

void overtakes() {  // the second stream overwrites what the first has not read yet
  cudaStream_t a = make_stream(), b = make_stream();
  DeviceArray<float> x(std::vector<float>(64, 3)), y(64);
  copy<<<1, 64, 0, a>>>(x.data(), y.data(), 64);
  fill<<<1, 64, 0, b>>>(x.data(), 64, 4);
  MUST(cudaStreamSynchronize(a));
  expect_value(y.values()[5] == 3);
}
void stride_too_long() {
  DeviceArray<float> x(64);
  fill_by_stride<<<4, 16>>>(x.data(), 64, 3);
  MUST(cudaDeviceSynchronize());
  x.values();
}

void host_buffer_reused() {
  cudaStream_t s = make_stream();
  DeviceArray<float> x(64);
  float* host = pinned<float>(64);
  MUST(cudaMemcpyAsync(x.data(), host, x.bytes(), cudaMemcpyHostToDevice, s));
  host[0] = 9;  // for the next batch, but this one is not yet copied
  MUST(cudaStreamSynchronize(s));
}

void missing_syncthreads() {
  DeviceArray<float> x(std::vector<float>(64, 1)), y(64);
  add_neighbours<<<1, 64>>>(x.data(), y.data());
  MUST(cudaDeviceSynchronize());
  expect_value(y.values()[63] == 2 && y.values()[0] == 2);
}
void divergent_barrier() {
  DeviceArray<float> x(64);
  barrier_in_branch<<<1, 64>>>(x.data());
  cudaDeviceSynchronize();
}
void barrier_against_shuffle() {
  DeviceArray<float> x(32);
  barrier_or_shuffle<<<1, 32>>>(x.data());
  cudaDeviceSynchronize();
}
void write_out_of_bounds() {
  DeviceArray<float> x(100);
  fill_unguarded<<<1, 128>>>(x.data(), 1);
  cudaDeviceSynchronize();
}
void read_out_of_bounds() {
  DeviceArray<float> x(std::vector<float>(64, 1)), y(64);
  copy_next<<<1, 64>>>(x.data(), y.data(), 64);
  cudaDeviceSynchronize();
}
void index_out_of_bounds() {
  DeviceArray<int> x(8), index(std::vector<int>{0, 1, -1, 3});
  wrong_index<<<1, 4>>>(x.data(), index.data());
  cudaDeviceSynchronize();
}
void shared_out_of_bounds() {
  DeviceArray<float> x(32);
  shared_beyond_end<<<1, 32>>>(x.data(), 8);
  cudaDeviceSynchronize();
}
void host_pointer_to_kernel() {
  std::vector<float> host(64);
  fill<<<1, 64>>>(host.data(), 64, 1);
  cudaDeviceSynchronize();
}
void device_pointer_on_host() {
  DeviceArray<float> x(std::vector<float>(4, 1));
  volatile float* p = x.data();
  expect_value(p[0] == 1);
}
void kernel_uses_freed() {
  float* x;
  MUST(cudaMalloc(&x, 64 * sizeof *x));
  MUST(cudaFree(x));
  fill<<<1, 64>>>(x, 64, 1);
  cudaDeviceSynchronize();
}
void copies_freed() {
  float* x;
  float host[4] = {};
  MUST(cudaMalloc(&x, sizeof host));
  MUST(cudaFree(x));
  cudaMemcpy(x, host, sizeof host, cudaMemcpyHostToDevice);
}
void freed_twice() {
  float* x;
  MUST(cudaMalloc(&x, 64));
  MUST(cudaFree(x));
  cudaFree(x);
}
void freed_in_the_middle() {
  DeviceArray<float> x(64);
  cudaFree(x.data() + 1);
}
void leaked_memory() {
  float* x;
  MUST(cudaMalloc(&x, 64));
}
void leaked_pinned_memory() { pinned<float>(3); }
void leaked_stream() { make_stream(); }
void leaked_event() { make_event(); }
void leaked_cublas_handle() {
  cublasHandle_t h;
  MUST(cublasCreate(&h));
}
void leaked_descriptor() {
  cudnnTensorDescriptor_t t;
  MUST(cudnnCreateTensorDescriptor(&t));
}
void stream_used_after_destroy() {
  cudaStream_t s = make_stream();
  MUST(cudaStreamDestroy(s));
  cudaStreamSynchronize(s);
}
void kernel_reads_uninitialised() {
  DeviceArray<float> x(64), y(64);
  copy<<<1, 64>>>(x.data(), y.data(), 64);
  MUST(cudaDeviceSynchronize());
}
void copies_uninitialised() {
  DeviceArray<float> x(64);
  fill<<<1, 32>>>(x.data(), 32, 1);  // half of it
  x.values();
}
void shared_uninitialised() {
  DeviceArray<float> x(32);
  shared_never_written<<<1, 32>>>(x.data());
  MUST(cudaDeviceSynchronize());
}
void missing_atomic() {
  DeviceArray<float> x(std::vector<float>(1, 0));
  count_without_atomic<<<1, 32>>>(x.data());
  MUST(cudaDeviceSynchronize());
}
void missing_atomic_between_blocks() {
  DeviceArray<float> x(std::vector<float>(1, 0));
  sum_blocks_without_atomic<<<4, 32>>>(x.data());
  MUST(cudaDeviceSynchronize());
}
void bad_grid() {
  DeviceArray<float> x(64);
  fill<<<0, 64>>>(x.data(), 64, 1);
  cudaDeviceSynchronize();
}
void bad_block() {
  DeviceArray<float> x(4096);
  fill<<<1, 2048>>>(x.data(), 2048, 1);
  cudaDeviceSynchronize();
}
void beyond_launch_bounds() {
  DeviceArray<float> x(128);
  small_blocks<<<1, 128>>>(x.data());
  cudaDeviceSynchronize();
}
void too_much_shared() {
  DeviceArray<float> x(32);
  uses_dynamic_shared<<<1, 32, 60000>>>(x.data());
  cudaDeviceSynchronize();
}
void too_little_shared() {
  DeviceArray<float> x(32);
  uses_dynamic_shared<<<1, 32, 16 * sizeof(float)>>>(x.data());
  cudaDeviceSynchronize();
}
void wrong_copy_kind() {
  DeviceArray<float> x(64);
  std::vector<float> host(64);
  cudaMemcpy(host.data(), x.data(), x.bytes(), cudaMemcpyHostToDevice);
}
void copy_past_the_end() {
  DeviceArray<float> x(63);
  std::vector<float> host(64);
  cudaMemcpy(x.data(), host.data(), 64 * sizeof(float), cudaMemcpyHostToDevice);
}
void copy_past_pinned_end() {
  DeviceArray<float> x(std::vector<float>(64, 1));
  float* host = pinned<float>(63);
  cudaMemcpyAsync(host, x.data(), x.bytes(), cudaMemcpyDeviceToHost, nullptr);
}
void memset_past_the_end() {
  DeviceArray<float> x(64);
  cudaMemset(x.data(), 0, 65 * sizeof(float));
}
void misaligned_vector() {
  DeviceArray<float> x(std::vector<float>(65, 1));
  add_four<<<1, 16>>>(reinterpret_cast<float4*>(x.data() + 1));
  cudaDeviceSynchronize();
}
void inactive_lane() {
  DeviceArray<float> x(32);
  shuffles_inactive<<<1, 32>>>(x.data());
  cudaDeviceSynchronize();
}
void endless_loop() {
  DeviceArray<int> flag(std::vector<int>(1, 0));
  spins<<<1, 1>>>(flag.data());
  cudaDeviceSynchronize();
}
void assertion_in_kernel() {
  DeviceArray<float> x(std::vector<float>(4, 1));
  fails_assertion<<<1, 4>>>(x.data());
  cudaDeviceSynchronize();
}
void trap_in_kernel() {
  DeviceArray<float> x(std::vector<float>(4, 1));
  traps<<<1, 4>>>(x.data());
  cudaDeviceSynchronize();
}
void unknown_instruction() {
  unknown_to_the_interpreter<<<1, 32>>>();
  cudaDeviceSynchronize();
}
void wrong_leading_dimension() {
  cublasHandle_t h;
  MUST(cublasCreate(&h));
  DeviceArray<float> a(std::vector<float>(12, 1)), b(std::vector<float>(12, 1)), c(16);
  const float one = 1, zero = 0;
  cublasSgemm(h, CUBLAS_OP_N, CUBLAS_OP_N, 4, 4, 3, &one, a.data(), 3, b.data(), 3, &zero, c.data(),
              4);
}
void product_of_too_small_matrix() {
  cublasHandle_t h;
  MUST(cublasCreate(&h));
  DeviceArray<float> a(std::vector<float>(11, 1)), b(std::vector<float>(12, 1)), c(16);
  const float one = 1, zero = 0;
  cublasSgemm(h, CUBLAS_OP_N, CUBLAS_OP_N, 4, 4, 3, &one, a.data(), 4, b.data(), 3, &zero, c.data(),
              4);
  cudaDeviceSynchronize();
}
void product_adds_to_uninitialised() {
  cublasHandle_t h;
  MUST(cublasCreate(&h));
  DeviceArray<float> a(std::vector<float>(12, 1)), b(std::vector<float>(12, 1)), c(16);
  const float one = 1;
  cublasSgemm(h, CUBLAS_OP_N, CUBLAS_OP_N, 4, 4, 3, &one, a.data(), 4, b.data(), 3, &one, c.data(),
              4);
  cudaDeviceSynchronize();
}
void library_on_another_stream() {  // the handle still works on the default stream's order
  cublasHandle_t h;
  MUST(cublasCreate(&h));
  cudaStream_t s = make_stream(), other = make_stream();
  MUST(cublasSetStream(h, other));
  DeviceArray<float> a(std::vector<float>(4, 0)), c(4);
  fill<<<1, 4, 0, s>>>(a.data(), 4, 1);
  const float one = 1, zero = 0;
  MUST(cublasSgemm(h, CUBLAS_OP_N, CUBLAS_OP_N, 2, 2, 2, &one, a.data(), 2, a.data(), 2, &zero,
                   c.data(), 2));
  MUST(cudaStreamSynchronize(other));
  expect_value(c.values()[0] == 2);
}

struct SmallConvolution {
  cudnnHandle_t handle;
  cudnnTensorDescriptor_t x, y;
  cudnnFilterDescriptor_t w;
  cudnnConvolutionDescriptor_t convolution;
  SmallConvolution(int out) {
    MUST(cudnnCreate(&handle));
    MUST(cudnnCreateTensorDescriptor(&x));
    MUST(cudnnCreateTensorDescriptor(&y));
    MUST(cudnnCreateFilterDescriptor(&w));
    MUST(cudnnCreateConvolutionDescriptor(&convolution));
    MUST(cudnnSetTensor4dDescriptor(x, CUDNN_TENSOR_NCHW, CUDNN_DATA_FLOAT, 1, 2, 5, 5));
    MUST(cudnnSetTensor4dDescriptor(y, CUDNN_TENSOR_NCHW, CUDNN_DATA_FLOAT, 1, 3, out, out));
    MUST(cudnnSetFilter4dDescriptor(w, CUDNN_DATA_FLOAT, CUDNN_TENSOR_NCHW, 3, 2, 3, 3));
    MUST(cudnnSetConvolution2dDescriptor(convolution, 0, 0, 1, 1, 1, 1, CUDNN_CROSS_CORRELATION,
                                         CUDNN_DATA_FLOAT));
  }
  void forward(std::size_t workspace_bytes) {
    DeviceArray<float> xs(std::vector<float>(50, 1)), ws(std::vector<float>(54, 1)), ys(27);
    DeviceArray<char> workspace(workspace_bytes);
    const float one = 1, zero = 0;
    cudnnConvolutionForward(handle, &one, x, xs.data(), w, ws.data(), convolution,
                            CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM, workspace.data(),
                            workspace_bytes, &zero, y, ys.data());
    cudaDeviceSynchronize();
  }
};
void workspace_too_small() { SmallConvolution(3).forward(8); }
void wrong_output_dims() { SmallConvolution(4).forward(1 << 20); }

void other_devices_memory() {
  DeviceArray<float> x(64);
  MUST(cudaSetDevice(1));
  fill<<<1, 64>>>(x.data(), 64, 1);
  cudaDeviceSynchronize();
}
void copy_between_devices() {
  DeviceArray<float> x(std::vector<float>(64, 1));
  MUST(cudaSetDevice(1));
  DeviceArray<float> y(64);
  cudaMemcpyAsync(y.data(), x.data(), x.bytes(), cudaMemcpyDeviceToDevice, nullptr);
  cudaDeviceSynchronize();
}
void stream_of_another_device() {
  cudaStream_t s = make_stream();
  MUST(cudaSetDevice(1));
  DeviceArray<float> x(64);
  fill<<<1, 64, 0, s>>>(x.data(), 64, 1);
}

#if HAS_NCCL
// A sum over two devices, which is right as it stands.
struct Sum {
  static constexpr int kDevices = 2;
  ncclComm_t communicator[kDevices] = {};
  cudaStream_t stream[kDevices];
  float* x[kDevices];
  std::size_t count[kDevices] = {64, 64};
  int parts = kDevices;
  bool in_group = true, choose_device = true;

  Sum() {
    const int devices[] = {0, 1};
    const std::vector<float> ones(64, 1);
    MUST(ncclCommInitAll(communicator, kDevices, devices));
    for (int d = 0; d < kDevices; ++d) {
      MUST(cudaSetDevice(d));
      stream[d] = make_stream();
      MUST(cudaMalloc(&x[d], 64 * sizeof(float)));
      MUST(cudaMemcpy(x[d], ones.data(), 64 * sizeof(float), cudaMemcpyHostToDevice));
    }
  }
  void run() {
    if (in_group) ncclGroupStart();
    for (int d = 0; d < parts; ++d) {
      if (choose_device) MUST(cudaSetDevice(d));
      ncclAllReduce(x[d], x[d], count[d], ncclFloat, ncclSum, communicator[d], stream[d]);
    }
    if (in_group) ncclGroupEnd();
    for (int d = 0; d < kDevices; ++d) cudaStreamSynchronize(stream[d]);
  }
};
void leaked_communicator() { Sum(); }
void sum_without_group() {
  Sum sum;
  sum.in_group = false;
  sum.run();
}
void sum_of_one_device() {
  Sum sum;
  sum.parts = 1;
  sum.run();
}
void sum_of_two_sizes() {
  Sum sum;
  sum.count[1] = 63;
  sum.run();
}
void sum_of_too_many() {
  Sum sum;
  sum.count[0] = sum.count[1] = 65;
  sum.run();
}
void sum_on_the_wrong_device() {
  Sum sum;
  sum.choose_device = false;
  sum.run();
}
void sum_on_anothers_stream() {
  Sum sum;
  std::swap(sum.stream[0], sum.stream[1]);
  sum.run();
}
void sum_of_uninitialised() {
  Sum sum;
  MUST(cudaMalloc(&sum.x[1], 64 * sizeof(float)));
  sum.run();
}
void sum_of_anothers_memory() {
  Sum sum;
  sum.x[1] = sum.x[0];
  sum.run();
}
#endif

// --- the table -------------------------------------------------------------------------------

struct Bug {
  const char* name;
  void (*make)();
  const char* shows;      // how a finding starts, or "wrong value" or "signal"
  const char* mode = "";  // an environment variable of the emulation
};
#define BUG(name, ...) \
  { #name, name, __VA_ARGS__ }
constexpr char kRaces[] = "CUDA_EMULATION_RACES=1", kReverse[] = "CUDA_EMULATION_ORDER=reverse",
               kTwoDevices[] = "CUDA_EMULATION_DEVICES=2", kHang[] = "CUDA_EMULATION_HANG=3000000",
               kOddEager[] = "CUDA_EMULATION_EAGER=odd", kTwoBlocks[] = "CUDA_EMULATION_BLOCKS=2";

const Bug kBugs[] = {
    BUG(missing_stream_sync, "wrong value"),
    BUG(forgotten_event, "wrong value"),
    BUG(event_on_the_wrong_stream, "wrong value"),
    BUG(event_recorded_too_early, "wrong value"),
    BUG(library_on_another_stream, "wrong value"),
    BUG(overtakes, "wrong value", kOddEager),
    BUG(stride_too_long, "uninitialised-read", kTwoBlocks),
    BUG(host_buffer_reused, "host-buffer-changed"),
    BUG(missing_syncthreads, "race", kRaces),
    BUG(missing_syncthreads, "wrong value"),
    BUG(missing_syncthreads, "uninitialised-read"),
    BUG(missing_syncthreads, "wrong value", kReverse),
    BUG(divergent_barrier, "barrier-divergence"),
    BUG(barrier_against_shuffle, "barrier-divergence"),
    BUG(write_out_of_bounds, "device-oob"),
    BUG(read_out_of_bounds, "device-oob"),
    BUG(index_out_of_bounds, "device-oob"),
    BUG(shared_out_of_bounds, "shared-oob"),
    BUG(host_pointer_to_kernel, "host-pointer-as-device"),
    BUG(device_pointer_on_host, "signal"),
    BUG(kernel_uses_freed, "use-after-free"),
    BUG(copies_freed, "use-after-free"),
    BUG(freed_twice, "double-free"),
    BUG(freed_in_the_middle, "invalid-free"),
    BUG(leaked_memory, "leak: 1 device allocations of 64 bytes"),
    BUG(leaked_pinned_memory, "leak: 1 of pinned memory"),
    BUG(leaked_stream, "leak: 1 of streams"),
    BUG(leaked_event, "leak: 1 of events"),
    BUG(leaked_cublas_handle, "leak: 1 of cuBLAS handles"),
    BUG(leaked_descriptor, "leak: 1 of cuDNN tensor descriptors"),
    BUG(stream_used_after_destroy, "invalid-handle"),
    BUG(kernel_reads_uninitialised, "uninitialised-read"),
    BUG(copies_uninitialised, "uninitialised-read"),
    BUG(shared_uninitialised, "uninitialised-read"),
    BUG(missing_atomic, "race", kRaces),
    BUG(missing_atomic_between_blocks, "race", kRaces),
    BUG(bad_grid, "bad-launch"),
    BUG(bad_block, "bad-launch"),
    BUG(beyond_launch_bounds, "bad-launch"),
    BUG(too_much_shared, "bad-launch"),
    BUG(too_little_shared, "shared-oob"),
    BUG(wrong_copy_kind, "bad-memcpy-direction"),
    BUG(copy_past_the_end, "device-oob"),
    BUG(copy_past_pinned_end, "host-oob"),
    BUG(memset_past_the_end, "device-oob"),
    BUG(misaligned_vector, "misaligned-access"),
    BUG(inactive_lane, "inactive-lane"),
    BUG(endless_loop, "hang", kHang),
    BUG(assertion_in_kernel, "assertion"),
    BUG(trap_in_kernel, "trap"),
    BUG(unknown_instruction, "unsupported-ptx"),
    BUG(wrong_leading_dimension, "bad-leading-dimension"),
    BUG(product_of_too_small_matrix, "device-oob"),
    BUG(product_adds_to_uninitialised, "uninitialised-read"),
    BUG(workspace_too_small, "small-workspace"),
    BUG(wrong_output_dims, "bad-output-dims"),
    BUG(other_devices_memory, "peer-access", kTwoDevices),
    BUG(copy_between_devices, "peer-access", kTwoDevices),
    BUG(stream_of_another_device, "wrong-device", kTwoDevices),
#if HAS_NCCL
    BUG(leaked_communicator, "leak: 2 of NCCL communicators", kTwoDevices),
    BUG(sum_without_group, "outside-of-group", kTwoDevices),
    BUG(sum_of_one_device, "incomplete-group", kTwoDevices),
    BUG(sum_of_two_sizes, "bad-argument", kTwoDevices),
    BUG(sum_of_too_many, "device-oob", kTwoDevices),
    BUG(sum_on_the_wrong_device, "wrong-device", kTwoDevices),
    BUG(sum_on_anothers_stream, "wrong-device", kTwoDevices),
    BUG(sum_of_uninitialised, "uninitialised-read", kTwoDevices),
    BUG(sum_of_anothers_memory, "peer-access", kTwoDevices),
#endif
};

// --- running them ----------------------------------------------------------------------------

struct Outcome {
  int status = 0;
  std::string findings;
};

Outcome run(const char* program, const Bug& bug, const std::string& report) {
  std::remove(report.c_str());
  const pid_t child = fork();
  if (child == 0) {
    const std::string to = "CUDA_EMULATION_REPORT=" + report;
    std::string mode = bug.mode;
    putenv(const_cast<char*>(to.c_str()));
    if (!mode.empty()) putenv(&mode[0]);
    execl(program, program, bug.name, nullptr);
    _exit(127);
  }
  Outcome outcome;
  waitpid(child, &outcome.status, 0);
  std::stringstream text;
  text << std::ifstream(report).rdbuf();
  outcome.findings = text.str();
  std::remove(report.c_str());
  return outcome;
}

bool shows(const Bug& bug, const Outcome& outcome) {
  const std::string expected = bug.shows;
  if (expected == "signal")
    return WIFSIGNALED(outcome.status) && WTERMSIG(outcome.status) == SIGSEGV;
  if (expected == "wrong value")
    return WIFEXITED(outcome.status) && WEXITSTATUS(outcome.status) == kWrongValue;
  return outcome.findings.find("[cuda emulation] " + expected) != std::string::npos;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) {
    for (const Bug& bug : kBugs)
      if (std::strcmp(bug.name, argv[1]) == 0) {
        bug.make();
        return 0;
      }
    return 127;
  }
  const std::string report = std::string(argv[0]) + ".report";
  for (const Bug& bug : kBugs) {
    const std::string name = std::string(bug.name) + " shows as " + bug.shows;
    test(name.c_str(), [&] {
      const Outcome outcome = run(argv[0], bug, report);
      if (!CHECK(shows(bug, outcome)))
        std::printf("  status %d, findings:\n%s", outcome.status, outcome.findings.c_str());
    });
  }
  return check_result();
}
