#!/bin/sh
# The GPU plugin of the installed package, as nvcc built it, run on emulated GPUs: its programs in
# every mode, every op of the op harness, and the package's own tests. One line a check; the last
# line counts them.
#
#   sh tests/cuda/emulated.sh
set -u
cd "$(dirname "$0")/../.."
out=build/cuda-emulated
lib=$PWD/build/cuda-emulation/lib
passed=0 failed=0

# A check: its name, the file its output goes to, and a command.
check() {
  name=$1 log=$out/$2.log
  shift 2
  start=$(date +%s)
  if "$@" > "$log" 2>&1; then
    passed=$((passed + 1))
    echo "ok: $name ($(($(date +%s) - start)) s)"
  else
    failed=$((failed + 1))
    echo "FAILED: $name; the end of $log:"
    tail -25 "$log" | sed 's/^/  /'
  fi
}

plugin=$(Rscript --vanilla -e 'cat(system.file("backends", "hornet_cuda.so", package = "hornet"))')
if test -z "$plugin"; then
  echo "cuda emulated: skipped, hornet was installed without the GPU plugin (there is no nvcc)"
  exit 0
fi
mkdir -p "$out"
test -d /usr/lib/ccache && PATH="/usr/lib/ccache:$PATH" && export PATH

make -s -C tests/cuda-emulation -j"$(nproc)" check > "$out/emulation.log" 2>&1
counts=$(sed -n 's/^cuda emulation: \([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$out/emulation.log" | tail -1)
test -n "$counts" || { tail -25 "$out/emulation.log"; counts="0 1"; }
passed=$((passed + ${counts% *})) failed=$((failed + ${counts#* }))
echo "the emulation itself: ${counts% *} passed, ${counts#* } failed"

# --- programs ---------------------------------------------------------------------------------

check "build of the programs" build make -s -C tests/native -j"$(nproc)" VARIANT=plain programs \
  TESTS="test_device test_self_test"
modes() {
  HORNET_CUDA_PLUGIN=$plugin CUDA_EMULATION_DEVICES=2 MODES=$1 \
    sh tests/cuda-emulation/run_modes.sh -o "$PWD/$out/$2" "build/native/plain/$3"
}
check "plans, training and predictions, in every mode" device modes \
  "lazy eager even odd reverse random races blocks" device test_device
check "the self-test, in the modes that differ for one kernel" self_test modes \
  "lazy eager reverse random races blocks" self_test test_self_test
for fault in unsupported alloc; do
  export CUDA_EMULATION_FAIL_CUDNN=$fault
  check "the self-test where cuDNN answers \"$fault\"" "cudnn_$fault" modes lazy "cudnn_$fault" test_self_test
  unset CUDA_EMULATION_FAIL_CUDNN
done

# --- R ----------------------------------------------------------------------------------------

# testthat on an emulated GPU: settings of the emulation, and a filter of files.
testthat() {
  settings=$1 filter=$2 findings=$PWD/$out/findings
  rm -f "$findings"
  # shellcheck disable=SC2086
  env $settings NOT_CRAN=true HORNET_DEVICE=gpu LD_LIBRARY_PATH="$lib" CUDA_EMULATION_LEAKS=0 \
    CUDA_EMULATION_MEMORY=2000000000 CUDA_EMULATION_REPORT="$findings" Rscript --vanilla -e '
      options(hornet.selftest = FALSE, hornet.cuda_cache_memory = FALSE)
      result <- as.data.frame(testthat::test_dir(
        "tests/testthat", package = "hornet", load_package = "installed", filter = commandArgs(TRUE),
        reporter = testthat::CheckReporter$new(), stop_on_failure = FALSE))
      bad <- sum(result$failed) + sum(result$error)
      if (bad || !sum(result$passed)) quit(status = 1)' "$filter" || return 1
  test ! -e "$findings" || { cat "$findings"; return 1; }
}
check "the op harness, work as late as can be" ops testthat "" '^ops$'
check "the op harness, work at once, threads backwards" ops_reverse testthat \
  "CUDA_EMULATION_EAGER=1 CUDA_EMULATION_ORDER=reverse" '^ops$'
check "the op harness, threads in random order, races looked for" ops_races testthat \
  "CUDA_EMULATION_ORDER=random CUDA_EMULATION_RACES=1" '^ops$'
check "the package's tests of models and training" models testthat "" \
  '^(callbacks|ctc|custom-layers|embedding|fit|fit-generator|losses|masking|models|noise|optimizers|unknown-sizes)$'

echo "cuda emulated: $passed passed, $failed failed"
test $failed = 0
