#!/bin/sh
# Regenerates what is generated: src/RcppExports.cpp, R/RcppExports.R, NAMESPACE and man/.
#
#   sh tools/document.sh             in place
#   sh tools/document.sh --check     in a copy; says what is out of date and fails if anything is
set -eu
cd "$(dirname "$0")/.."
root=$PWD
target=$root
if test "${1:-}" = --check; then
  target=$(mktemp -d)
  trap 'rm -rf "$target"' EXIT
  tar c --exclude=.git --exclude='*.o' --exclude='*.so' --exclude=build . | tar x -C "$target"
fi
cd "$target"
Rscript --vanilla -e '
  Rcpp::compileAttributes(".")
  # The R files alone are enough: no export is made by calling native code.
  # R6 classes are documented from their source references.
  options(keep.source = TRUE)
  roxygen2::roxygenise(".", load_code = roxygen2::load_source)' > /dev/null
test "$target" = "$root" && exit 0
code=0
for generated in src/RcppExports.cpp R/RcppExports.R NAMESPACE man; do
  diff -qrN "$root/$generated" "$target/$generated" || code=1
done
test $code = 0 || echo "generated files are out of date: run sh tools/document.sh" >&2
exit $code
