#!/bin/sh
# Formats the C++ sources with clang-format 14.
#
#   sh tools/format.sh             in place
#   sh tools/format.sh --check     changes nothing; fails where something would change
set -eu
cd "$(dirname "$0")/.."
format=clang-format-14
command -v $format > /dev/null || format=clang-format
mode=-i
test "${1:-}" = --check && mode="--dry-run --Werror"
# shellcheck disable=SC2086
find src tests bench \( -name '*.cpp' -o -name '*.h' -o -name '*.cu' \) ! -name RcppExports.cpp -print0 |
  xargs -0 $format --style=file $mode
