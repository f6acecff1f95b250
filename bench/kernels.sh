#!/bin/sh
# Our matrix product and convolutions against oneDNN's, on one thread and on two.
# Needs apt-get install libdnnl-dev.
set -eu
cd "$(dirname "$0")/.."
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
include() { Rscript --vanilla -e "cat(system.file('include', package = '$1'))"; }
for kernel in sgemm conv; do
  # The kernels as R compiles them: -O2 and no more.
  g++ -std=gnu++17 -O2 -fopenmp -Isrc -Ibench/kernels -isystem "$(include RcppParallel)" \
    bench/kernels/$kernel.cpp src/backend/simd/*.cpp src/graph/*.cpp src/graph/ops/*.cpp src/graph/passes/*.cpp \
    src/exec/memory.cpp src/rt/*.cpp -ltbb -ldnnl -lpthread -o "$out/$kernel"
  "$out/$kernel" 1 2
done
