// How long it takes to bring arrays of R into the core's layout, over a memcpy of the same bytes
// (8 read and 4 written an element), interleaved. From the project's top:
//   g++ -std=c++17 -O2 -Isrc -I$(Rscript -e 'cat(system.file("include", package =
//   "RcppParallel"))') \
//     bench/staging.cpp src/data/convert*.cpp src/exec/memory.cpp src/rt/parallel.cpp -ltbb -o
//     staging && ./staging
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <functional>
#include <random>
#include <vector>

#include "data/convert.h"
#include "exec/memory.h"

using namespace hornet;

namespace {

double cpu_seconds() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

double median(std::vector<double> x) {
  std::sort(x.begin(), x.end());
  return x[x.size() / 2];
}

void compare(const char* what, const Shape& shape, int rounds) {
  const auto n = static_cast<std::size_t>(shape.numel());
  std::vector<double> r(n), back(n);
  AlignedBuffer core(n * sizeof(float)), copied(n * 6);  // as batches are kept
  std::vector<std::int32_t> integers(n);
  std::vector<char> bytes(n * 6, 1);
  float* floats = static_cast<float*>(core.data());
  for (std::size_t i = 0; i < n; ++i) {
    r[i] = static_cast<double>(i % 1009);
    integers[i] = static_cast<std::int32_t>(i % 1009);
  }
  ColumnMajor from;
  from.data = r.data();
  from.shape = shape;
  ColumnMajor whole = from;
  whole.type = ColumnType::integer;
  whole.data = integers.data();
  std::vector<double> copy, in, in_integer, out;
  auto time = [](std::vector<double>& into, auto&& work) {
    const double start = cpu_seconds();
    work();
    into.push_back(cpu_seconds() - start);
  };
  for (int i = 0; i < rounds; ++i) {
    time(copy, [&] { std::memcpy(copied.data(), bytes.data(), n * 6); });
    time(in, [&] { to_row_major(from, floats); });
    time(in_integer, [&] { to_row_major(whole, floats); });
    time(out, [&] { to_column_major(floats, shape, back.data()); });
  }
  std::printf(
      "%-22s memcpy %7.3f ms | doubles in %7.3f ms, %.2f x | integers in %.2f x | out %.2f x\n",
      what, 1e3 * median(copy), 1e3 * median(in), median(in) / median(copy),
      median(in_integer) / median(copy), median(out) / median(copy));
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 21;
  compare("32 x 150 x 150 x 3", {32, 150, 150, 3}, rounds);
  compare("32 x 224 x 224 x 3", {32, 224, 224, 3}, rounds);
  compare("128 x 28 x 28 x 1", {128, 28, 28, 1}, rounds);
  compare("128 x 784", {128, 784}, rounds);
  compare("32 x 10", {32, 10}, rounds);
  compare("5 x 64 x 64 x 3", {5, 64, 64, 3}, rounds);
  compare("1 x 224 x 224 x 3", {1, 224, 224, 3}, rounds);
  compare("64 x 100 x 1", {64, 100, 1}, rounds);
  compare("10000 x 28 x 28", {10000, 28, 28}, rounds);
  compare("100000 x 100", {100000, 100}, rounds);
  return 0;
}
