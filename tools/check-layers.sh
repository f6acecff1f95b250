#!/bin/sh
# Includes point one way: base <- graph <- exec -> backend; base <- rt <- data <- image; base <- files;
# rt <- text; all of them <- train; only src/*.cpp and src/r_*.h see Rcpp, only backend/cuda sees CUDA.
# Prints what points elsewhere.
cd "$(dirname "$0")/../src" || exit 1
bad=0
allow() {  # folder, folders it may include
  for file in $(find "$1" -name '*.h' -o -name '*.cpp' -o -name '*.cu' | grep "^$1"); do
    for inc in $(sed -n 's/^#include "\([a-z_]*\)\/.*/\1/p' "$file" | sort -u); do
      case " $1 $2 " in *" $inc "*) ;; *) echo "$file includes $inc/"; bad=1 ;; esac
    done
    if grep -Eq '#include [<"](Rcpp|R\.h|Rinternals|r_|hornet_types)' "$file"; then echo "$file sees R"; bad=1; fi
    case "$file" in
      backend/cuda/*) ;;
      *) if grep -Eq '#include [<"](cuda|cublas|cudnn)' "$file"; then echo "$file sees CUDA"; bad=1; fi ;;
    esac
    case "$file" in
      backend/cpu/*) ;;
      *) if grep -q '#include <Eigen' "$file"; then echo "$file sees Eigen"; bad=1; fi ;;
    esac
  done
}
allow base ""
allow files "base"
allow graph "base"
allow rt "base"
allow backend "base graph rt"
allow exec "base graph backend rt"
allow data "base exec rt"
allow image "base exec rt data"
allow text "base rt"
allow train "base graph exec rt data"
exit $bad
