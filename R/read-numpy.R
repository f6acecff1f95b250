# Files of numpy and Python, read natively and without Python. Nothing in them is executed.

# The arrays of an .npz file, by name. `names`: which must be there.
read_npz <- function(path, names) {
  folder <- tempfile("npz")
  on.exit(unlink(folder, recursive = TRUE))
  reading(path, {
    entries <- utils::unzip(path, list = TRUE)
    wanted <- paste0(names, ".npy")
    absent <- setdiff(wanted, entries$Name)
    if (length(absent)) stop(sprintf("it has no %s, but %s", quoted(absent, "and"), quoted(entries$Name, "and")))
    if (sum(entries$Length[entries$Name %in% wanted]) > 2^33) stop("it claims to hold more than 8 GB")
    stats::setNames(lapply(wanted, function(name) {
      file <- utils::unzip(path, name, exdir = folder, junkpaths = TRUE)
      on.exit(unlink(file))
      cpp_read_npy(readBin(file, "raw", file.size(file)))
    }), names)
  })
}

read_pickle <- function(path) reading(path, cpp_read_pickle(readBin(path, "raw", file.size(path))))

# An array of MNIST's own format, perhaps compressed: 2 zeros, the type, the rank, the shape, values.
read_idx <- function(path) {
  con <- gzfile(path, "rb")
  on.exit(close(con))
  reading(path, {
    head <- as.integer(readBin(con, "raw", 4L))
    if (length(head) < 4L || any(head[1:2] != 0L)) stop("it is not an IDX file")
    types <- c("8" = "|u1", "9" = "|i1", "11" = ">i2", "12" = ">i4", "13" = ">f4", "14" = ">f8")
    type <- types[as.character(head[[3L]])]
    dim <- readBin(con, "integer", head[[4L]], endian = "big")
    if (is.na(type) || length(dim) != head[[4L]] || any(dim < 0L)) stop("its header is damaged")
    bytes <- prod(dim) * as.integer(substr(type, 3L, 3L))
    if (bytes > 2^30) stop("it claims to be larger than 1 GB")
    cpp_read_values(readBin(con, "raw", bytes), unname(type), as.double(dim))
  })
}

# What goes wrong in reading names the file. R warns before it fails on a file that isn't a zip.
reading <- function(path, expr) {
  failed <- function(e) {
    abort(c(
      sprintf("%s can't be read: %s", path, conditionMessage(e)),
      "If it was damaged on its way, delete it and get it again."
    ), "hornet_data_error")
  }
  withCallingHandlers(tryCatch(expr, error = failed), warning = function(w) invokeRestart("muffleWarning"))
}
