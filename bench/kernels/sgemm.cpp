// Our sgemm against oneDNN's dnnl_sgemm: GFLOP/s of both and the ratio, each thread count.
// Usage: sgemm [threads ...]
#include <oneapi/dnnl/dnnl.h>
#include <omp.h>

#include <cmath>
#include <cstdlib>
#include <random>
#include <vector>

#include "backend/simd/isa.h"
#include "backend/simd/sgemm.h"
#include "bench.h"
#include "exec/memory.h"
#include "rt/parallel.h"

using hornet::AlignedBuffer;
using hornet::Dim;

namespace {

struct Size {
  Dim m, k, n;
  bool transpose_a, transpose_b;
};

const Size kSizes[] = {
    {128, 784, 512, false, false}, {256, 1024, 1024, false, false},  {32, 64, 576, false, false},
    {4096, 576, 64, false, false}, {1024, 1024, 1024, false, false}, {128, 512, 10, false, false},
    {32, 10, 16, false, false},    {128, 512, 512, false, true},     {512, 128, 512, true, false},
    {576, 4096, 64, true, false},  {20, 6272, 512, false, false}};

void fill(AlignedBuffer& buffer) {
  std::mt19937 random(7);
  std::uniform_real_distribution<float> uniform(-1, 1);
  float* p = static_cast<float*>(buffer.data());
  for (std::size_t i = 0; i < buffer.bytes() / sizeof(float); ++i) p[i] = uniform(random);
}

void run(const Size& s, int threads) {
  AlignedBuffer a(s.m * s.k * 4), b(s.k * s.n * 4), own(s.m * s.n * 4), peer(s.m * s.n * 4);
  fill(a);
  fill(b);
  hornet::simd::Sgemm gemm(s.m, s.n, s.k, s.transpose_a, s.transpose_b);
  AlignedBuffer workspace(gemm.workspace_bytes());
  const auto* pa = static_cast<const float*>(a.data());
  const auto* pb = static_cast<const float*>(b.data());
  const auto run_own = [&] {
    gemm.run(pa, pb, nullptr, static_cast<float*>(own.data()), workspace.data());
  };
  const auto run_peer = [&] {
    dnnl_sgemm(s.transpose_a ? 'T' : 'N', s.transpose_b ? 'T' : 'N', s.m, s.n, s.k, 1, pa,
               s.transpose_a ? s.m : s.k, pb, s.transpose_b ? s.k : s.n, 0,
               static_cast<float*>(peer.data()), s.n);
  };
  run_own();
  run_peer();
  double worst = 0;
  for (Dim i = 0; i < s.m * s.n; ++i) {
    const double x = static_cast<float*>(own.data())[i], y = static_cast<float*>(peer.data())[i];
    worst = std::max(worst, std::fabs(x - y));
  }
  const double flops = 2.0 * s.m * s.n * s.k;
  const bench::Pair t = bench::compare(run_own, run_peer, threads);
  std::printf("%5ld x %5ld x %5ld %c%c  %dT  own %7.1f  dnnl_sgemm %7.1f GFLOP/s  ratio %.2f%s\n",
              static_cast<long>(s.m), static_cast<long>(s.k), static_cast<long>(s.n),
              s.transpose_a ? 'T' : 'N', s.transpose_b ? 'T' : 'N', threads, flops / t.own / 1e9,
              flops / t.peer / 1e9, t.ratio, worst > 1e-5 * s.k ? "  WRONG" : "");
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<int> counts;
  for (int i = 1; i < argc; ++i) counts.push_back(std::atoi(argv[i]));
  if (counts.empty()) counts = {1, 2};
  if (hornet::simd::isa() == hornet::simd::Isa::none) {
    std::puts("no SIMD kernels for this machine");
    return 0;
  }
  for (int threads : counts) {
    hornet::set_kernel_threads(threads);
    omp_set_num_threads(threads);
    for (const Size& size : kSizes)
      if (!getenv("M") || atoi(getenv("M")) == size.m) run(size, threads);
  }
  return 0;
}
