#!/bin/sh
# One name, one thing. Two functions of a name in R/ are the one that is read last; two classes of a
# name in the library share their functions, whichever the linker meets first. Prints such names.
cd "$(dirname "$0")/.." || exit 1
bad=0
report() {  # what
  while read -r name; do
    echo "$1 $name is defined more than once"
    touch "$found"
  done
}
found=$(mktemp -u)
grep -hoE '^[A-Za-z_.][A-Za-z0-9_.]* <- function' R/*.R | sed 's/ <- function//' | sort | uniq -d | report "R function"
# Headers only: sources have theirs in unnamed namespaces. The CUDA back end is a library of its own.
find src -name '*.h' ! -path '*/cuda/*' ! -name '*_body.h' -exec grep -hE '^(struct|class|enum class) [A-Z][A-Za-z]*( |$)' {} + |
  grep -v ';' | sed -E 's/^(struct|class|enum class) ([A-Za-z]*).*/\2/' | sort | uniq -d | report "C++ class"
test -e "$found" && bad=1
rm -f "$found"
exit $bad
