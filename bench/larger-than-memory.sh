#!/bin/sh
# Trains on a CSV file that is larger than the memory it may use: one pass over the whole file.
#
#   sh bench/larger-than-memory.sh            2048 MB under a limit of 600 MB
#   sh bench/larger-than-memory.sh 512 300
#
# The limit is RLIMIT_DATA: all private memory that a process may write to, its threads' stacks included,
# whether it is resident or not. RLIMIT_AS would also count R's libraries and the mapped file, which the
# system can drop at any time. That the limit holds is shown by data.table::fread(), which must fail.
set -eu
size=${1:-2048} limit=${2:-600}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
file=$folder/table.csv

awk -v size="$size" 'BEGIN {
  srand(1)
  for (i = 0; i < 20000; ++i) {
    a = rand(); b = rand(); c = rand()
    region = a > 0.5 ? "north" : b > 0.5 ? "south" : "west"
    block = block sprintf("%.6f,%.6f,%.6f,%s,%.6f\n", a, b, c, region, 2 * a - b + (region == "west"))
  }
  print "a,b,c,region,y"
  for (written = 0; written < size * 1024 * 1024; written += length(block)) printf "%s", block
}' > "$file"
echo "file: $(($(stat -c %s "$file") / 1024 / 1024)) MB"

ulimit -d $((limit * 1024))
Rscript --vanilla - "$file" <<'R'
suppressPackageStartupMessages(library(hornet))
batches <- generator_from_table(commandArgs(TRUE), y ~ a + b + c + region, batch_size = 1024)
counting <- system.time(steps <- length(batches))
model <- keras_model_sequential() %>%
  layer_dense(16, activation = "relu", input_shape = 4) %>%
  layer_dense(1)
model %>% compile("adam", "mse")
took <- system.time(history <- model %>% fit_generator(batches, verbose = 0))
rows <- batches$.table$rows
memory <- grep("VmHWM|VmData", readLines("/proc/self/status"), value = TRUE)
cat(sprintf("counted %.0f rows in %.0f s (processor %.0f s)\n", rows, counting[["elapsed"]], sum(counting[1:2])),
    sprintf("trained on %.0f rows in %.0f s (processor %.0f s): %.0f rows a second of processor time\n", rows,
            took[["elapsed"]], sum(took[1:2]), rows / sum(took[1:2])),
    sprintf("loss %.4f\n", history$metrics$loss), paste0(memory, "\n"), sep = "")
stopifnot(history$metrics$loss < 0.05)
R

problem=$(Rscript --vanilla -e 'invisible(data.table::fread(commandArgs(TRUE), showProgress = FALSE))' "$file" 2>&1) && {
  echo "the limit does not hold: fread() has read the whole file" >&2
  exit 1
}
echo "$problem" | grep -Ei 'allocate|memory' > /dev/null || { echo "$problem" >&2; exit 1; }
echo "fread() of the whole file fails under this limit, as it must"
