#!/bin/bash
# Sets up this machine and runs every test: the native programs under sanitizers, testthat and,
# where there is an nvcc, the GPU plugin on emulated GPUs. Ends with one line of counts and fails if
# anything failed.
set -uo pipefail
cd "$(dirname "$0")/.."
export NOT_CRAN=true
passed=0 failed=0 skipped=0

sh tools/setup.sh check || { echo "tests: 0 passed, 1 failed"; exit 1; }

for variant in asan tsan; do
  echo "== native tests, $variant"
  log=$(mktemp)
  make --no-print-directory -C tests/native -j"$(nproc)" $variant 2>&1 |
    tee "$log" | grep -Ev '^(ccache |g\+\+ |ar )'
  code=${PIPESTATUS[0]}
  counts=$(sed -n "s/^native $variant: \([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p" "$log")
  rm -f "$log"
  read -r ok bad <<< "${counts:-0 1}"
  [[ $code -eq 0 || $bad -gt 0 ]] || bad=1
  passed=$((passed + ok)) failed=$((failed + bad))
done

# With the GPU plugin, testthat has emulated GPUs to run it on.
if [[ -n $(Rscript --vanilla -e 'cat(system.file("backends", package = "hornet"))') ]]; then
  make -s -C tests/cuda-emulation -j"$(nproc)" &&
    export HORNET_CUDA_EMULATION=$PWD/build/cuda-emulation/lib
fi

echo "== testthat"
counts=$(mktemp)
Rscript --vanilla - "$counts" <<'R'
# Counts expectations; a test that stops with an error is one failure.
file <- commandArgs(TRUE)[1]
result <- as.data.frame(testthat::test_dir(
  "tests/testthat", package = "hornet", load_package = "installed",
  reporter = testthat::ProgressReporter$new(show_praise = FALSE, max_failures = Inf),
  stop_on_failure = FALSE
))
failed <- sum(result$failed) + sum(result$error)
writeLines(paste(sum(result$passed), failed, sum(result$skipped)), file)
slowest <- head(result[order(-result$real), c("file", "test", "real")], 8)
cat("Slowest:", sprintf("%6.1f s  %s: %s", slowest$real, slowest$file, slowest$test), sep = "\n  ")
R
read -r ok bad skip < "$counts" || { ok=0 bad=1 skip=0; }
rm -f "$counts"
passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + skip))

echo "== the GPU plugin, emulated"
log=$(mktemp)
sh tests/cuda/emulated.sh 2>&1 | tee "$log"
read -r ok bad <<< "$(sed -n 's/^cuda emulated: \([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$log" | tail -1)"
grep -q '^cuda emulated: skipped' "$log" && ok=0 bad=0
passed=$((passed + ${ok:-0})) failed=$((failed + ${bad:-1}))
rm -f "$log"

echo "tests: $passed passed, $failed failed, $skipped skipped"
test $failed -eq 0
