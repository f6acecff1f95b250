#!/bin/sh
# Installs what hornet needs from Debian and then hornet itself. Safe to run again: a second run
# installs nothing that is there and builds nothing that has not changed.
#
#   sh tools/setup.sh            what a user needs, the demo included
#   sh tools/setup.sh check      also what the tests, R CMD check and the linters need
#
# Where there is an nvcc, the GPU plugin is built too: for compute capability 7.5, whose code
# drivers translate for later ones. HORNET_CUDA_ARCH names others, HORNET_CUDA=no leaves it out.
set -eu
cd "$(dirname "$0")/.."

# dpkg-dev: Debian's RcppParallel asks dpkg-architecture where its library is.
build="g++ make dpkg-dev r-base-core r-cran-rcpp r-cran-rcppeigen r-cran-rcppparallel r-cran-r6
  r-cran-generics r-cran-magrittr r-cran-zeallot libjpeg62-turbo-dev libpng-dev libtiff-dev"
demo="r-cran-png r-cran-ggplot2 dataset-fashion-mnist"
check="r-cran-testthat r-cran-callr r-cran-withr r-cran-jsonlite r-cran-roxygen2 r-cran-lintr
  r-cran-curl r-cran-digest
  r-cran-hdf5r r-cran-data.table r-cran-dbi r-cran-rsqlite r-cran-rpostgresql postgresql
  r-cran-knitr r-cran-rmarkdown pandoc qpdf tidy devscripts clang-format-14 ccache python3"

packages="$build $demo"
# libzstd-dev: the emulation of CUDA reads what nvcc compressed.
if command -v nvcc > /dev/null || test -x /usr/local/cuda/bin/nvcc; then check="$check libzstd-dev"; fi
test "${1:-}" = check && packages="$packages $check"
export HORNET_CUDA_ARCH="${HORNET_CUDA_ARCH:-75}" HORNET_CUDA="${HORNET_CUDA:-auto}"

as_root() {
  if test "$(id -u)" = 0; then "$@"; else sudo "$@"; fi
}

missing=""
for package in $packages; do
  state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  test "$state" = installed || missing="$missing $package"
done
if test -n "$missing"; then
  echo "setup: installing$missing"
  export DEBIAN_FRONTEND=noninteractive
  apt_install="apt-get install -y -qq --no-install-recommends -o Dpkg::Use-Pty=0"
  log=$(mktemp)
  # The lists a machine came with may be missing or too old to find the files they name.
  # shellcheck disable=SC2086
  as_root $apt_install $missing > "$log" 2>&1 || {
    as_root apt-get update -qq &&
    as_root $apt_install $missing > "$log" 2>&1
  } || { cat "$log" >&2; rm -f "$log"; exit 1; }
  rm -f "$log"
fi

# The library R installs into; one's own where the system's belongs to root.
library=$(Rscript --vanilla -e '
  paths <- .libPaths()
  own <- path.expand(strsplit(Sys.getenv("R_LIBS_USER"), ":")[[1]][1])
  if (file.access(paths[1], 2) != 0) { dir.create(own, FALSE, TRUE); paths <- own }
  cat(paths[1])')

stamp=build/setup.stamp
made="$library, CUDA $HORNET_CUDA, $HORNET_CUDA_ARCH"
unchanged() {
  test -f "$stamp" && test "$(cat "$stamp")" = "$made" && test -d "$library/hornet" || return 1
  test -z "$(find DESCRIPTION NAMESPACE configure R src inst man -newer "$stamp" \
    ! -name '*.o' ! -name '*.d' ! -name '*.so' ! -name Makevars ! -type d 2>/dev/null | head -1)"
}
if unchanged; then
  echo "setup: hornet in $library is up to date"
  exit 0
fi

echo "setup: building hornet"
mkdir -p build
test -d /usr/lib/ccache && PATH="/usr/lib/ccache:$PATH" && export PATH CCACHE_NOHASHDIR=1
# Header dependencies are tracked (HORNET_DEV), so that a changed header rebuilds what includes it.
touch build/setup.begin
HORNET_DEV=yes MAKEFLAGS="-j$(nproc)" R CMD INSTALL --strip --no-test-load \
  --library="$library" . > build/install.log 2>&1 || {
  grep -n -E -A4 'error:|Error|ERROR' build/install.log | head -60 >&2
  echo "setup: building failed; the whole log is build/install.log" >&2
  exit 1
}
Rscript --vanilla -e "library(hornet, lib.loc = '$library')"
echo "$made" > "$stamp"
touch -r build/setup.begin "$stamp"
echo "setup: hornet is installed in $library"
