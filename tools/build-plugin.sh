#!/bin/sh
# Builds the GPU plugin by itself, by the rules of configure and with its switches, in a copy of
# the sources: FOLDER/src/hornet_cuda.so.
#
#   sh tools/build-plugin.sh FOLDER
set -eu
cd "$(dirname "$0")/.."
folder=$1
mkdir -p "$folder/src"
find "$folder/src" -type f ! -name '*.o' ! -name '*.d' ! -name Makevars -exec rm -f {} +
tar c --exclude='*.o' --exclude='*.d' --exclude='*.so' --exclude=Makevars configure src |
  tar x -C "$folder"
test -d /usr/lib/ccache && PATH="/usr/lib/ccache:$PATH" && export PATH CCACHE_NOHASHDIR=1
cd "$folder"
HORNET_CUDA=yes HORNET_DEV=yes sh configure
cd src
# As R CMD SHLIB would call make.
R CMD make --no-print-directory -j"${JOBS:-$(nproc)}" -f Makevars -f "$(R RHOME)/etc/Makeconf" hornet_cuda.so \
  CXX="$(R CMD config CXX17) $(R CMD config CXX17STD)" CXXFLAGS="$(R CMD config CXX17FLAGS)" \
  CXXPICFLAGS="$(R CMD config CXX17PICFLAGS)"
