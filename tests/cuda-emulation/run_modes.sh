#!/bin/sh
# Runs a program on the emulation under every mode and collects what it found.
#
#   sh tests/cuda-emulation/run_modes.sh [-o folder] program [arguments]
#
# Prints a line a mode (exit status, number of findings) and the kinds found; the findings and the
# output of each run are in the folder (default: a new one under /tmp). Fails if any run did, or
# found anything. MODES="lazy races" runs only these (there are also even, odd and blocks); CUDA_EMULATION_LIB is where the libraries are.
set -u
here=$(cd "$(dirname "$0")" && pwd)
lib=${CUDA_EMULATION_LIB:-$here/../../build/cuda-emulation/lib}
out=
if [ "${1:-}" = -o ]; then
  out=$2
  shift 2
fi
test $# -gt 0 || { sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 2; }
out=${out:-$(mktemp -d)}
mkdir -p "$out"

settings_of() {
  case $1 in
    lazy) ;;
    eager) echo CUDA_EMULATION_EAGER=1 ;;
    even | odd) echo "CUDA_EMULATION_EAGER=$1" ;;
    blocks) echo CUDA_EMULATION_BLOCKS=3 ;;
    reverse) echo CUDA_EMULATION_ORDER=reverse ;;
    random) echo CUDA_EMULATION_ORDER=random ;;
    races) echo CUDA_EMULATION_RACES=1 ;;
    *) echo "unknown mode: $1" >&2; exit 2 ;;
  esac
}

failed=0
for mode in ${MODES:-lazy eager reverse random races}; do
  rm -f "$out/$mode.findings"
  touch "$out/$mode.findings"
  # shellcheck disable=SC2046
  env $(settings_of "$mode") CUDA_EMULATION_REPORT="$out/$mode.findings" \
    LD_LIBRARY_PATH="$lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" \
    timeout -k 10 "${LIMIT:-300}" "$@" > "$out/$mode.output" 2>&1
  status=$?
  n=$(wc -l < "$out/$mode.findings")
  kinds=$(sed -n 's/^\[cuda emulation\] \([a-z-]*\):.*/\1/p' "$out/$mode.findings" | sort |
    uniq -c | awk '{ printf " %s x %d", $2, $1 }')
  echo "$mode: exit $status, $n findings$kinds"
  if [ $status != 0 ] || [ "$n" != 0 ]; then failed=1; fi
done
echo "in $out"
exit $failed
