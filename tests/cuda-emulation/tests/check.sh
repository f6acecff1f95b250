#!/bin/sh
# Runs the emulation's own tests: `check.sh folder-of-the-programs`. Each line of a program that
# starts with "ok:" or "FAILED:" is a test; a program that reports findings of its own fails.
set -u
programs=$1
export LD_LIBRARY_PATH="$CUDA_EMULATION_LIB"
passed=0
failed=0

# run NAME PROGRAM [VARIABLE=value ...]
run() {
  name=$1
  program=$2
  shift 2
  log=$programs/$name.log
  rm -f "$log.findings"
  if env "$@" CUDA_EMULATION_REPORT="$log.findings" timeout -k 10 300 "$programs/$program" \
    > "$log" 2>&1; then status=0; else status=$?; fi
  ok=$(grep -c '^ok:' "$log")
  bad=$(grep -c '^FAILED:' "$log")
  if [ -s "$log.findings" ]; then bad=$((bad + 1)); fi
  if [ $status != 0 ] && [ "$bad" = 0 ]; then bad=1; fi
  passed=$((passed + ok))
  failed=$((failed + bad))
  echo "$name: $ok passed, $bad failed"
  if [ "$bad" != 0 ]; then
    grep -v '^ok:' "$log"
    test ! -f "$log.findings" || head -20 "$log.findings"
  fi
}

for path in "$programs"/*; do
  program=$(basename "$path")
  case $program in *.*) continue ;; esac
  case $program in
    bugs | faults | math | arithmetic) run "$program" "$program" ;;
    *)
      run "$program" "$program" CUDA_EMULATION_DEVICES=2
      run "$program-eager" "$program" CUDA_EMULATION_DEVICES=2 CUDA_EMULATION_EAGER=1
      run "$program-reverse" "$program" CUDA_EMULATION_DEVICES=2 CUDA_EMULATION_ORDER=reverse
      run "$program-random" "$program" CUDA_EMULATION_DEVICES=2 CUDA_EMULATION_ORDER=random
      run "$program-races" "$program" CUDA_EMULATION_DEVICES=2 CUDA_EMULATION_RACES=1
      ;;
  esac
done

echo "cuda emulation: $passed passed, $failed failed"
test $failed = 0
