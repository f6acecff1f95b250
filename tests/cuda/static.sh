#!/bin/sh
# What can be said of the GPU plugin without running it: it compiles for every architecture of a
# release without a warning, its kernels keep to their registers, every call is checked, and it
# asks for nothing and exports nothing beyond what is written down here. One line a check.
#
#   sh tests/cuda/static.sh
set -u
cd "$(dirname "$0")/../.." || exit
folder=build/cuda-static
log=$folder/build.log
plugin=$folder/src/hornet_cuda.so
passed=0 failed=0

nvcc=""
for candidate in "${CUDA_HOME:-}/bin/nvcc" "${CUDA_PATH:-}/bin/nvcc" /usr/local/cuda/bin/nvcc \
  "$(command -v nvcc)"; do
  test -x "$candidate" && nvcc=$candidate && break
done
if test -z "$nvcc"; then
  echo "cuda static: skipped, there is no nvcc in CUDA_HOME, CUDA_PATH, /usr/local/cuda or PATH"
  exit 0
fi

# A check passes if what it found is nothing: a name and the findings.
nothing() {
  if test -z "$2"; then
    passed=$((passed + 1))
    echo "ok: $1"
  else
    failed=$((failed + 1))
    echo "FAILED: $1"
    echo "$2" | head -20 | sed 's/^/  /'
  fi
}
finish() {
  echo "cuda static: $passed passed, $failed failed"
  test $failed = 0
  exit
}

# --- compiling -----------------------------------------------------------------------------

mkdir -p $folder
find $folder -name '*.plugin.o' -exec rm -f {} +  # all are compiled, for what the compiler says
# -Wmissing-launch-bounds is left out: nvcc 13 means templates that have bounds. See below.
if HORNET_CUDA_ARCH="" HORNET_NVCCFLAGS="-Werror all-warnings -Wreorder -Wdefault-stream-launch -Xptxas -v" \
  sh tools/build-plugin.sh $folder > $log 2>&1; then said=""; else
  said=$(grep -E '(error|warning) *:|Error [0-9]|error: ' $log; echo "the whole log is $log")
fi
nothing "the plugin builds without a warning" "$said"
test -f $plugin || finish

archs=$(sed -n 's/^release_archs="\(.*\)"/\1/p' configure)
wanted=$(echo "ptx 75"; for arch in $archs; do echo "code $arch"; done)
mkdir -p $folder/bin
g++ -std=c++17 -O1 tests/cuda/list_code.cpp -lzstd -o $folder/bin/list_code || failed=$((failed + 1))
$folder/bin/list_code $plugin > $folder/code.txt
$folder/bin/list_code --ptx $plugin > $folder/plugin.ptx
sources=$(find src/backend/cuda -name '*.cu' | wc -l)
nothing "each source with kernels has PTX for 75 and code for $archs" "$(
  test "$(cut -d' ' -f1 $folder/code.txt | sort -u | wc -l)" = "$sources" || echo "not $sources sources"
  for source in $(seq "$sources"); do
    got=$(sed -n "s/^$source //p" $folder/code.txt | sort)
    test "$got" = "$(echo "$wanted" | sort)" || echo "source $source has:" $got
  done)"

# --- kernels -------------------------------------------------------------------------------

nothing "ptxas reported on kernels" "$(grep -q 'bytes spill' $log || echo "no report in $log")"
# "name: bytes of stack, bytes spilled", for those that have any.
stacks=$(awk '/Function properties for/ { name = $NF }
  /bytes stack frame/ && ($1 > 0 || $5 > 0) { print name ": " $1 ", " $5 }' $log | sort | uniq -c)
# Around a call, such as that of a 64-bit division, ptxas puts a few registers aside.
nothing "no kernel spills more than 64 bytes" "$(echo "$stacks" | awk '$NF > 64')"
# Sines of large numbers take up to 40 bytes. The interpreter of fused chains has registers in
# memory, since it counts them off.
nothing "no kernel but the fused one has a stack frame of more than 64 bytes" \
  "$(echo "$stacks" | grep -v fused_cu | awk '$(NF - 1) + 0 > 64')"
nothing "every kernel says how many threads it is launched with" \
  "$(awk '/\.entry/ { if (name) print name; name = $0 } /\.maxntid/ { name = "" }
          END { if (name) print name }' $folder/plugin.ptx)"
nothing "the PTX has kernels" "$(grep -q '\.entry' $folder/plugin.ptx || echo "none")"

# --- calls ---------------------------------------------------------------------------------

# A call whose status nobody looks at is a statement by itself. What releases may fail: it is
# called where nothing can be done about it.
nothing "every call of CUDA, cuBLAS and cuDNN is checked" "$(
  for file in src/backend/cuda/*.cpp src/backend/cuda/*.cu src/backend/cuda/*.h; do
    perl -0777 -ne '
      s{//[^\n]*}{}g;
      while (/(.?)\s*\b((?:cuda|cublas|cudnn)[A-Z]\w*)\s*\(/gs) {
        my ($before, $call) = ($1, $2);
        next if $before !~ /[;{})]/ || $call =~ /Destroy|^cudaFree|^cudaGetLastError$/;
        print "$ARGV: $call\n";
      }' "$file"
  done)"

undefined=$(nm -D --undefined-only $plugin | awk '{ print $NF }')
asked=$(echo "$undefined" | sed 's/@.*//' | grep -E '^(__cuda|cuda|cublas|cudnn)' | sort -u)
nothing "it asks CUDA for what tests/cuda/entry_points.txt lists" "$(
  for name in $asked; do grep -qx "$name" tests/cuda/entry_points.txt || echo "$name"; done)"
nothing "tests/cuda/entry_points.txt lists nothing else" "$(
  for name in $(grep -v -e '^#' -e '^$' tests/cuda/entry_points.txt); do
    echo "$asked" | grep -qx "$name" || echo "$name"
  done)"
nothing "it asks nobody else but the C and C++ libraries" "$(echo "$undefined" |
  grep -Ev '^(__cuda|cuda|cublas|cudnn)|@(GLIBC|GLIBCXX|CXXABI|GCC)_|^(_ITM_|__gmon_start__)')"
nothing "it exports hornet_plugin only" \
  "$(nm -D --defined-only $plugin | awk '$NF !~ /^hornet_plugin(@|$)/')"
nothing "LD_LIBRARY_PATH goes before the toolkit's folder (RUNPATH)" \
  "$(readelf -d $plugin | grep -q RUNPATH || echo "no RUNPATH")$(readelf -d $plugin | grep '(RPATH)')"

echo "hornet_cuda.so: $(stat -c %s $plugin) bytes, $(strip -S -o $folder/stripped.so $plugin &&
  stat -c %s $folder/stripped.so) without debug information"
finish
