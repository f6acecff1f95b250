#!/bin/sh
# Page faults, allocations and memory of steady training steps; see steady.R.
set -eu
cd "$(dirname "$0")"
library=$(mktemp -d)
trap 'rm -rf "$library"' EXIT
g++ -O2 -shared -fPIC count_allocations.cpp -o "$library/count.so" -ldl
HORNET_COUNTER="$library/count.so" LD_PRELOAD="$library/count.so" Rscript --vanilla steady.R
