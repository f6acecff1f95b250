// What threads of a block and of a grid do together, and what nvcc makes of ordinary code: the
// result must not depend on the order of threads, and nothing must be reported.
#include <cmath>
#include <cstdint>
#include <numeric>

#include "tests/device.h"

namespace {

__global__ void reduce_blocks(const float* x, float* sums, int n) {
  __shared__ float partial[256];
  float sum = 0;
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x)
    sum += x[i];
  partial[threadIdx.x] = sum;
  __syncthreads();
  for (unsigned half = blockDim.x / 2; half > 0; half /= 2) {
    if (threadIdx.x < half) partial[threadIdx.x] += partial[threadIdx.x + half];
    __syncthreads();
  }
  if (threadIdx.x == 0) sums[blockIdx.x] = partial[0];
}

__global__ void reduce_warps(const int* x, int* sums, int n) {
  int v = 0;
  for (int i = threadIdx.x; i < n; i += blockDim.x) v += x[i];
  for (int by = 16; by > 0; by /= 2) v += __shfl_down_sync(~0u, v, by);
  __shared__ int of_warp[32];
  if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32] = v;
  __syncthreads();
  if (threadIdx.x < 32) {
    v = threadIdx.x < blockDim.x / 32 ? of_warp[threadIdx.x] : 0;
    for (int by = 16; by > 0; by /= 2) v += __shfl_xor_sync(~0u, v, by);
    if (threadIdx.x == 0) *sums = v;
  }
}

// One of each operation of a warp; the last block is not a whole number of warps.
__global__ void warp_operations(unsigned* out) {
  const unsigned t = threadIdx.x, lane = t % 32, here = __activemask();
  unsigned* o = out + 9 * (blockIdx.x * blockDim.x + t);
  o[0] = __shfl_sync(here, t, 3);
  o[1] = __shfl_up_sync(here, t, 2);
  o[2] = __shfl_sync(here, t, lane / 8, 8);
  o[3] = __ballot_sync(here, t % 3 == 0);
  o[4] = __any_sync(here, t == 5);
  o[5] = __all_sync(here, t < 1000);
  o[6] = __match_any_sync(here, t % 4);
  int all_equal = 0;
  o[7] = __match_all_sync(here, t / 32, &all_equal) + all_equal;
  o[8] = here;
}

__global__ void exchange_in_warp(int* x) {  // __syncwarp() orders shared memory
  __shared__ int tile[64];
  tile[threadIdx.x] = x[threadIdx.x];
  __syncwarp();
  const int neighbour = tile[threadIdx.x ^ 1];
  __syncwarp();
  tile[threadIdx.x] = 0;
  x[threadIdx.x] = neighbour;
}

__global__ void votes_of_block(int* out) {
  const int count = __syncthreads_count(threadIdx.x % 3 == 0);
  const int every = __syncthreads_and(threadIdx.x < 100), some = __syncthreads_or(threadIdx.x == 7);
  out[threadIdx.x] = count * 4 + every * 2 + some;
}

__global__ void reverse_dynamic(const double* x, double* y) {
  extern __shared__ double tile[];
  tile[threadIdx.x] = x[threadIdx.x];
  __syncthreads();
  y[threadIdx.x] = tile[blockDim.x - 1 - threadIdx.x];
}

__constant__ float factors[5] = {0.5f, 1.5f, 2.5f, 3.5f, 4.5f};
__device__ int offsets[4] = {10, 20, 30, 40};
__global__ void use_tables(float* x) {
  x[threadIdx.x] = factors[threadIdx.x % 5] * static_cast<float>(offsets[threadIdx.x % 4]);
  atomicAdd(&offsets[3], 1);
}

__host__ __device__ int choose(int i) {
  switch (i % 9) {
    case 0:
      return 5;
    case 1:
      return i * 3;
    case 2:
      return i - 7;
    case 3:
      return i << 2;
    case 4:
      return i ^ 21;
    case 5:
      return -i;
    case 6:
      return i * i;
    case 7:
      return 99;
    default:
      return i / 3;
  }
}
__global__ void switches(int* x) { x[threadIdx.x] = choose(threadIdx.x); }

template <int N>
__host__ __device__ __noinline__ double nested(double x) {
  return x + 0.5 * nested<N - 1>(x * 0.75);
}
template <>
__host__ __device__ __noinline__ double nested<0>(double x) {
  return x;
}
struct Pair {
  double first;
  int second[3];
};
__host__ __device__ __noinline__ Pair twice(Pair p, int by) {
  p.first *= by;
  for (int& s : p.second) s += by;
  return p;
}
__global__ void calls(double* x) {
  const Pair p = twice({static_cast<double>(threadIdx.x), {1, 2, 3}}, 2);
  x[threadIdx.x] = nested<4>(p.first) + p.second[2];
}
__host__ __device__ __noinline__ int fibonacci(int n) {
  return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}
__global__ void recursion(int* x) { x[threadIdx.x] = fibonacci(threadIdx.x); }

// An array that is indexed by what only the kernel knows lives in local memory.
__host__ __device__ int sort_digits(int n) {
  int digits[8], count = 0;
  for (; n > 0; n /= 10) digits[count++] = n % 10;
  for (int i = 1; i < count; ++i)
    for (int k = i; k > 0 && digits[k - 1] > digits[k]; --k) {
      const int t = digits[k];
      digits[k] = digits[k - 1];
      digits[k - 1] = t;
    }
  int sorted = 0;
  for (int i = 0; i < count; ++i) sorted = sorted * 10 + digits[i];
  return sorted;
}
__global__ void local_arrays(int* x) { x[threadIdx.x] = sort_digits(x[threadIdx.x]); }

struct Shape {
  std::int64_t size[6];
  std::int32_t stride[6];
  std::uint8_t rank;
};
__global__ void aggregate_parameter(Shape shape, std::int64_t* out) {
  std::int64_t sum = 0;
  for (int d = 0; d < shape.rank; ++d) sum += shape.size[d] * shape.stride[d];
  out[threadIdx.x] = sum + shape.size[threadIdx.x % 6];
}

__global__ void vectors(const float4* x, float4* y, const short2* s, std::int8_t* bytes) {
  const float4 v = x[threadIdx.x];
  y[threadIdx.x] = make_float4(v.w, v.z, v.y, v.x);
  bytes[threadIdx.x] = static_cast<std::int8_t>(s[threadIdx.x].x - s[threadIdx.x].y);
}

struct Totals {
  int add, sub, exchanged;
  unsigned low, high, increments, decrements;
  unsigned ands, ors, xors;
  unsigned long long wide;
  float sum;
  double sum64, cas;
};
__global__ void atomics(Totals* t) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  atomicAdd(&t->add, i);
  atomicSub(&t->sub, 2);
  atomicExch(&t->exchanged, 77);
  atomicMin(&t->low, 1000u - i);
  atomicMax(&t->high, 5u + i);
  atomicInc(&t->increments, 9u);
  atomicDec(&t->decrements, 9u);
  atomicAnd(&t->ands, ~(1u << i % 32));
  atomicOr(&t->ors, 1u << i % 20);
  atomicXor(&t->xors, 1u << i % 3);
  atomicAdd(&t->wide, 1ull << 33);
  atomicAdd(&t->sum, 0.5f);
  atomicAdd(&t->sum64, 0.25);
  auto* bits = reinterpret_cast<unsigned long long*>(&t->cas);
  unsigned long long seen = atomicAdd(bits, 0ull), assumed;
  do {
    assumed = seen;
    seen = atomicCAS(bits, assumed, __double_as_longlong(__longlong_as_double(assumed) + 0.125));
  } while (seen != assumed);
  __shared__ int of_block;
  if (threadIdx.x == 0) of_block = 0;
  __syncthreads();
  atomicAdd(&of_block, 1);
  __syncthreads();
  if (threadIdx.x == 0 && of_block != static_cast<int>(blockDim.x)) atomicAdd(&t->add, 1000000);
}

__global__ void coordinates(int* out) {
  const int block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
  const int thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
  out[block * (blockDim.x * blockDim.y * blockDim.z) + thread] = block * 1000 + thread;
}

// A thread spins until another one sets a flag.
__global__ void hand_over(int* result) {
  __shared__ volatile int flag;
  __shared__ int value;
  if (threadIdx.x == 0) flag = value = 0;
  __syncthreads();
  if (threadIdx.x == 32) {
    atomicExch(&value, 5);
    __threadfence_block();
    flag = 1;
  }
  if (threadIdx.x == 0) {
    while (flag == 0) {}
    *result = atomicAdd(&value, 0);
  }
}

template <class T>
std::vector<T> counted(std::size_t n) {
  std::vector<T> v(n);
  std::iota(v.begin(), v.end(), T{0});
  return v;
}

void test_reductions() {
  for (const int n : {1, 31, 32, 33, 255, 256, 257, 5000}) {
    std::vector<float> x(n);
    for (int i = 0; i < n; ++i) x[i] = static_cast<float>(i % 17) - 3;
    DeviceArray<float> in(x), sums(3);
    reduce_blocks<<<3, 256>>>(in.data(), sums.data(), n);
    const std::vector<float> s = sums.values();
    CHECK(s[0] + s[1] + s[2] == std::accumulate(x.begin(), x.end(), 0.0f));
    const std::vector<int> whole = counted<int>(n);
    DeviceArray<int> ints(whole), total(1);
    reduce_warps<<<1, 128>>>(ints.data(), total.data(), n);
    CHECK(total.values()[0] == std::accumulate(whole.begin(), whole.end(), 0));
  }
}

void test_warps() {
  const unsigned threads = 40;
  DeviceArray<unsigned> out(9 * 2 * threads);
  warp_operations<<<2, threads>>>(out.data());
  const std::vector<unsigned> o = out.values();
  for (unsigned i = 0; i < 2 * threads; ++i) {
    const unsigned t = i % threads, lane = t % 32, first = t - lane;
    const unsigned here = first == 0 ? ~0u : 0xFFu;
    const unsigned* got = &o[9 * i];
    unsigned thirds = 0, same = 0;
    for (unsigned k = 0; k < 32; ++k)
      if (here >> k & 1) {
        thirds |= static_cast<unsigned>((first + k) % 3 == 0) << k;
        same |= static_cast<unsigned>((first + k) % 4 == t % 4) << k;
      }
    CHECK(got[0] == first + 3);
    CHECK(got[1] == (lane < 2 ? t : t - 2));
    CHECK(got[2] == first + (lane & ~7u) + lane / 8);
    CHECK(got[3] == thirds);
    CHECK(got[4] == (first == 0));
    CHECK(got[5] == 1);
    CHECK(got[6] == same);
    CHECK(got[7] == here + 1);
    CHECK(got[8] == here);
  }
  DeviceArray<int> x(counted<int>(64));
  exchange_in_warp<<<1, 64>>>(x.data());
  const std::vector<int> exchanged = x.values();
  for (int i = 0; i < 64; ++i) CHECK(exchanged[i] == (i ^ 1));
}

void test_block_votes() {
  DeviceArray<int> out(100);
  votes_of_block<<<1, 100>>>(out.data());
  for (const int v : out.values()) CHECK(v == 34 * 4 + 2 + 1);
}

void test_memories() {
  DeviceArray<double> x(counted<double>(70)), y(70);
  reverse_dynamic<<<1, 70, 70 * sizeof(double)>>>(x.data(), y.data());
  const std::vector<double> reversed = y.values();
  for (int i = 0; i < 70; ++i) CHECK(reversed[i] == 69 - i);

  const int table[4] = {10, 20, 30, 40};
  MUST(cudaMemcpyToSymbol(offsets, table, sizeof table));
  DeviceArray<float> f(3);
  use_tables<<<1, 3>>>(f.data());
  CHECK(f.values() == (std::vector<float>{5, 30, 75}));
  int last[4];
  MUST(cudaMemcpyFromSymbol(last, offsets, sizeof last));
  CHECK(last[3] == 43 && last[0] == 10);

  std::vector<int> numbers(50);
  for (int i = 0; i < 50; ++i) numbers[i] = 7919 * (i + 1);
  DeviceArray<int> sorted(numbers);
  local_arrays<<<1, 50>>>(sorted.data());
  const std::vector<int> got = sorted.values();
  for (int i = 0; i < 50; ++i) CHECK(got[i] == sort_digits(numbers[i]));
}

void test_control() {
  DeviceArray<int> x(90), fib(12);
  switches<<<1, 90>>>(x.data());
  recursion<<<1, 12>>>(fib.data());
  const std::vector<int> chosen = x.values(), fibs = fib.values();
  for (int i = 0; i < 90; ++i) CHECK(chosen[i] == choose(i));
  for (int i = 0; i < 12; ++i) CHECK(fibs[i] == fibonacci(i));
  DeviceArray<double> d(33);
  calls<<<1, 33>>>(d.data());
  const std::vector<double> called = d.values();
  for (int i = 0; i < 33; ++i) CHECK(std::fabs(called[i] - (nested<4>(2.0 * i) + 5)) < 1e-12);
}

void test_parameters() {
  const Shape shape{{2, 3, 5, 7, 11, 13}, {1, 10, 100, 1000, 10000, 100000}, 4};
  DeviceArray<std::int64_t> out(6);
  aggregate_parameter<<<1, 6>>>(shape, out.data());
  const std::vector<std::int64_t> got = out.values();
  for (int i = 0; i < 6; ++i) CHECK(got[i] == 7532 + shape.size[i]);

  std::vector<float4> v(9);
  std::vector<short2> s(9);
  for (int i = 0; i < 9; ++i) {
    v[i] = make_float4(i, i + 0.25f, i + 0.5f, i + 0.75f);
    s[i] = make_short2(static_cast<short>(i * 50), 300);
  }
  DeviceArray<float4> x(v), y(9);
  DeviceArray<short2> shorts(s);
  DeviceArray<std::int8_t> bytes(9);
  vectors<<<1, 9>>>(x.data(), y.data(), shorts.data(), bytes.data());
  const std::vector<float4> swapped = y.values();
  const std::vector<std::int8_t> differences = bytes.values();
  for (int i = 0; i < 9; ++i) {
    CHECK(swapped[i].x == v[i].w && swapped[i].w == v[i].x && swapped[i].y == v[i].z);
    CHECK(differences[i] == static_cast<std::int8_t>(i * 50 - 300));
  }
}

void test_atomics() {
  Totals start{};
  start.low = start.ands = ~0u;
  start.decrements = 5;
  DeviceArray<Totals> totals(std::vector<Totals>(1, start));
  atomics<<<3, 50>>>(totals.data());
  const Totals t = totals.values()[0];
  CHECK(t.add == 149 * 150 / 2);
  CHECK(t.sub == -300);
  CHECK(t.exchanged == 77);
  CHECK(t.low == 1000 - 149);
  CHECK(t.high == 5 + 149);
  CHECK(t.increments == 150 % 10);
  CHECK(t.decrements == 5);
  CHECK(t.ands == 0);
  CHECK(t.ors == (1u << 20) - 1);
  CHECK(t.xors == 0);
  CHECK(t.wide == 150ull << 33);
  CHECK(t.sum == 75 && t.sum64 == 37.5 && t.cas == 150 * 0.125);
}

void test_coordinates() {
  const dim3 grid(3, 2, 2), block(5, 3, 2);
  DeviceArray<int> out(12 * 30);
  coordinates<<<grid, block>>>(out.data());
  const std::vector<int> got = out.values();
  for (int b = 0; b < 12; ++b)
    for (int t = 0; t < 30; ++t) CHECK(got[b * 30 + t] == b * 1000 + t);
}

void test_waiting() {
  DeviceArray<int> out(1);
  hand_over<<<1, 64>>>(out.data());
  CHECK(out.values()[0] == 5);
}

}  // namespace

int main() {
  test("reductions in shared memory and by shuffles", test_reductions);
  test("operations of a warp, whole or not", test_warps);
  test("votes of a block", test_block_votes);
  test("dynamic shared, constant, global and local memory", test_memories);
  test("switches, calls and recursion", test_control);
  test("aggregates as parameters, vectors in memory", test_parameters);
  test("atomic operations", test_atomics);
  test("grids and blocks of three dimensions", test_coordinates);
  test("a thread may wait for another of its block", test_waiting);
  return check_result();
}
