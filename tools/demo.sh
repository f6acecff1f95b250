#!/bin/bash
# Sets up this machine and trains a convolutional network on real images, twice: from folders of
# PNG files and from an R function. Leaves plots and a report in demo-report/.
set -euo pipefail
cd "$(dirname "$0")/.."
sh tools/setup.sh
Rscript --vanilla tools/demo.R
