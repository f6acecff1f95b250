#!/bin/bash
# What to run on a machine with a GPU, and only there: results against the processor's, under
# compute-sanitizer too, convolutions against PyTorch's, times against PyTorch's. Needs no R and no
# network, and ends within eight minutes.
#
#   bash tools/gpu-check.sh --prepare     beforehand, where hornet is developed: build/gpu-check
#   bash tools/gpu-check.sh               there, with build/gpu-check at hand
#
# On the emulated device, LD_LIBRARY_PATH=build/cuda-emulation/lib, it leaves out what makes no
# sense there and takes its time.
#
# Raw logs go to $OUT, or to bench/results. The last line counts the parts that went wrong.
set -uo pipefail
cd "$(dirname "$0")/.."
built=build/gpu-check
program=$built/cuda_check plugin=$built/hornet_cuda.so

if [[ ${1:-} == --prepare ]]; then
  set -e
  sh tools/build-plugin.sh build/plugin
  make -C tests/cuda/cuda_check -j"${JOBS:-$(nproc)}"
  strip -S -o $plugin build/plugin/src/hornet_cuda.so
  for file in $program $plugin; do
    echo "$file: $(stat -c %s $file) bytes, needs glibc $(objdump -T $file |
      sed -n 's/.*GLIBC_\([0-9.]*\).*/\1/p' | sort -uV | tail -1)"
  done
  exit
fi

if [[ ! -x $program || ! -f $plugin ]]; then
  echo "gpu-check: $built is not there; make it with: bash tools/gpu-check.sh --prepare"
  exit 1
fi
logs=${OUT:-bench/results}
mkdir -p "$logs"
torch_finds=${LD_LIBRARY_PATH:-}  # its own libraries, not those that we add here
# The libraries of the toolkit, where it lies elsewhere than it did where this was built.
for folder in "${CUDA_HOME:-/usr/local/cuda}/lib64" /usr/lib/x86_64-linux-gnu; do
  [[ -e $folder/libcublas.so ]] && LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$folder && break
done
# PyTorch brings cuDNN along, where the toolkit has none.
torch=$(python3 -c 'import os, torch; print(os.path.dirname(torch.__file__))' 2> /dev/null || true)
if [[ -n $torch && ${LD_LIBRARY_PATH:-} != *cuda-emulation* ]]; then
  for folder in "$torch"/../nvidia/*/lib "$torch/lib"; do
    [[ -d $folder ]] && LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$folder
  done
fi
export LD_LIBRARY_PATH=${LD_LIBRARY_PATH:-}
export NVIDIA_TF32_OVERRIDE=0
passed=0 failed=0 skipped=0
emulated=""
[[ $LD_LIBRARY_PATH == *cuda-emulation* ]] && emulated=yes && export CUDA_EMULATION_LEAKS=0

# One part: a name, its time limit, a command. All parts together end within 470 seconds.
part() {
  local name=$1 limit=$2 left=$((470 - SECONDS)) start=$SECONDS code
  shift 2
  echo "==== $name"
  [[ -z $emulated ]] || left=600 limit=600
  [[ $limit -le $left ]] || limit=$left
  if [[ $limit -lt 5 ]]; then
    skip "$name" "no time is left"
    return
  fi
  timeout -k 5 "$limit" "$@" 2>&1 | tee "$logs/${name// /-}.log" | grep -v '^ok'
  code=${PIPESTATUS[0]}
  if [[ $code -eq 0 ]]; then
    passed=$((passed + 1))
    echo "==== $name: ok ($((SECONDS - start)) s)"
  else
    failed=$((failed + 1))
    echo "==== $name: FAILED, exit $code ($((SECONDS - start)) s)"
  fi
}
skip() {
  skipped=$((skipped + 1))
  echo "==== $1: skipped, $2"
}

if command -v nvidia-smi > /dev/null; then part "nvidia-smi" 20 nvidia-smi; else
  skip "nvidia-smi" "it is not there"
fi
# shellcheck disable=SC2086
part "cuda_check" 60 $program $plugin ${emulated:+--quick}
part "own convolutions" 30 $program $plugin --own-convolutions --quick
part "convolutions" 40 $program $plugin --sweep "$(mktemp -d "$logs/sweep.XXXX")"
sweep=$(ls -dt "$logs"/sweep.* | head -1)
part "own convolutions sweep" 40 $program $plugin --own-convolutions --sweep "$(mktemp -d)"
if [[ -n $torch ]]; then part "torch convolutions" 40 env LD_LIBRARY_PATH="$torch_finds" python3 tests/cuda/torch_convolutions.py "$sweep"; else
  skip "torch convolutions" "python3 has no torch"
fi
rm -rf "$sweep"
if [[ -n $emulated ]]; then skip "times" "an emulated device has none"; else
  part "times" 40 $program $plugin --times
  if [[ -n $torch ]]; then part "torch times" 40 env LD_LIBRARY_PATH="$torch_finds" python3 tests/cuda/torch_times.py; else
    skip "torch times" "python3 has no torch"
  fi
fi
sanitizer=$(command -v compute-sanitizer || ls "${CUDA_HOME:-/usr/local/cuda}"/bin/compute-sanitizer 2> /dev/null)
for tool in memcheck racecheck initcheck synccheck; do
  if [[ -n $emulated ]]; then
    skip "$tool" "the emulation looks itself"
  elif [[ -n $sanitizer ]]; then
    part "$tool" 60 "$sanitizer" --tool $tool --error-exitcode 9 $program $plugin --quick
  else
    skip "$tool" "compute-sanitizer is not there"
  fi
done

echo "gpu-check: $passed passed, $failed failed, $skipped skipped in $SECONDS s; logs in $logs"
[[ $failed -eq 0 ]]
