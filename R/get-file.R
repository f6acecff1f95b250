# Files from the internet, kept in Keras's folder.

#' Downloads a file, unless it is already there
#'
#' The file is kept in Keras's own folder, so that what Keras downloaded earlier is found, and the
#' other way round. The file appears under its name only when it is whole and, if `file_hash` is
#' given, has that checksum; then a download that was interrupted also goes on where it ended.
#'
#' @param fname Name of the file. An absolute path is taken as it is.
#' @param origin URL of the file; `file://` is possible, too.
#' @param file_hash The checksum it must have; `NULL`: any. A file that is there but has another one
#'   is downloaded again.
#' @param cache_subdir Folder below `cache_dir`.
#' @param hash_algorithm `"md5"`, `"sha256"` or `"auto"`, which goes by the length of `file_hash`.
#'   SHA-256 needs the package digest.
#' @param extract Unpack it beside itself, as a tar or zip archive? Archives that would write
#'   elsewhere, or that contain links, are refused.
#' @param archive_format `"auto"`, `"tar"`, `"zip"`, or `NULL` for none.
#' @param cache_dir By default the environment variable `KERAS_HOME`, else `~/.keras`.
#' @return The path of the file.
#' @section Errors:
#' What can't be downloaded says where the file belongs, so that you can put it there, and which
#' checksum it has (`hornet_download_error`).
#' @family datasets
#' @export
#' @examples
#' folder <- tempfile()
#' source <- tempfile()
#' writeLines("some data", source)
#' get_file("data.txt", paste0("file://", source), cache_dir = folder)
get_file <- function(fname, origin, file_hash = NULL, cache_subdir = "datasets", hash_algorithm = "auto",
                     extract = FALSE, archive_format = "auto", cache_dir = NULL) {
  for (what in c("fname", "origin")) {
    value <- get(what)
    if (!is.character(value) || length(value) != 1L || is.na(value) || !nzchar(value)) {
      abort(sprintf("`%s` must be one string, not %s.", what, describe(value)), "hornet_value_error")
    }
  }
  if (!is.null(file_hash) && !(is.character(file_hash) && length(file_hash) == 1L && !is.na(file_hash))) {
    abort(sprintf("`file_hash` must be NULL or one string, not %s.", describe(file_hash)), "hornet_value_error")
  }
  algorithm <- one_of(hash_algorithm, c("auto", "md5", "sha256"))
  if (algorithm == "auto") algorithm <- if (isTRUE(nchar(file_hash) == 64L)) "sha256" else "md5"
  path <- if (is_absolute(fname)) path.expand(fname) else file.path(keras_folder(cache_dir), cache_subdir, fname)

  problem <- "It is not there"
  if (dir.exists(path)) abort(sprintf("%s is a folder; it should become a file.", path), "hornet_value_error")
  if (file.exists(path)) {
    got <- if (!is.null(file_hash)) checksum(path, algorithm)
    if (is.null(file_hash) || identical(got, tolower(file_hash))) {
      if (extract) extract_archive(path, archive_format)
      return(path)
    }
    problem <- sprintf("It is there, but its %s is %s", algorithm, got)
  }
  dir.create(dirname(path), FALSE, recursive = TRUE)
  if (file.access(dirname(path), 2L) != 0L) {
    abort(c(sprintf("The folder %s can't be written to, so %s can't be put there.", dirname(path), basename(path)),
            "Give another one by `cache_dir` or the environment variable KERAS_HOME."), "hornet_download_error")
  }
  tryCatch(
    download_whole(origin, path, file_hash, algorithm),
    error = function(e) {
      abort(c(
        sprintf("%s can't be downloaded: %s", origin, conditionMessage(e)),
        sprintf("%s; put the file there yourself: %s", problem, path),
        if (!is.null(file_hash)) sprintf("Its %s is %s.", algorithm, file_hash)
      ), "hornet_download_error")
    }
  )
  if (extract) extract_archive(path, archive_format)
  path
}

keras_folder <- function(folder = NULL) {
  folder <- folder %||% Sys.getenv("KERAS_HOME", unset = "~/.keras")
  path.expand(folder)
}

is_absolute <- function(path) grepl("^(/|~|[A-Za-z]:)", path)

# The file's checksum in lower case.
checksum <- function(path, algorithm) {
  if (algorithm == "md5") return(unname(tools::md5sum(path)))
  need_package("digest", "Checking a SHA-256 sum")
  digest::digest(file = path, algo = "sha256")
}

# To `path` at once, when all of it has arrived. What arrived of it stays for the next attempt, if a checksum
# can tell that the parts belong together. Until then no other session sees it.
download_whole <- function(origin, path, hash, algorithm) {
  left <- paste0(path, ".part")
  part <- tempfile(paste0(basename(path), "."), dirname(path), ".part")
  if (!is.null(hash) && file.exists(left)) file.rename(left, part)
  on.exit(if (!is.null(hash) && file.exists(part)) file.rename(part, left) else unlink(part))
  message("Downloading ", origin)
  for (attempt in 1:2) {
    resumed <- file.exists(part) && file.size(part) > 0
    fine <- download_part(origin, part, resumed)
    if (fine && !file.exists(part)) stop("it is empty")
    got <- if (fine && !is.null(hash)) checksum(part, algorithm)
    if (fine && (is.null(hash) || identical(got, tolower(hash)))) {
      if (!file.rename(part, path)) stop("the file can't be renamed to ", path)
      return(invisible(path))
    }
    unlink(part)
    # The rest of another file was appended to what was there: once more from the start.
    if (!resumed) stop(sprintf("its %s is %s instead of %s", algorithm, got, hash))
  }
}

# FALSE if the server can't go on where the part ends. Without curl it is always the whole file.
download_part <- function(origin, part, resume) {
  if (!requireNamespace("curl", quietly = TRUE)) {
    old <- options(timeout = max(3600, getOption("timeout")))
    on.exit(options(old))
    if (utils::download.file(origin, part, mode = "wb", quiet = TRUE) != 0) stop("the download failed")
    return(TRUE)
  }
  got <- curl::multi_download(origin, part, resume = resume, progress = interactive(), failonerror = TRUE,
                              connecttimeout = 30, low_speed_limit = 1, low_speed_time = 60)
  if (isTRUE(got$success)) return(TRUE)
  # A server without ranges, or one that has no more than the part.
  if (resume && grepl("range|resume|416", got$error, ignore.case = TRUE)) return(FALSE)
  stop(got$error)
}

# Into the folder of the archive, by way of a fresh folder beside it.
extract_archive <- function(path, format) {
  if (is.null(format)) return(invisible())
  format <- one_of(format, c("auto", "tar", "zip"), "archive_format")
  if (format == "auto") format <- if (is_zip(path)) "zip" else "tar"
  fail <- function(why) abort(sprintf("%s is not unpacked: %s.", path, why), "hornet_data_error")
  entries <- tryCatch(
    if (format == "zip") zip_entries(path) else tar_entries(path),
    error = function(e) fail(conditionMessage(e))
  )
  outside <- grepl("^(/|[A-Za-z]:)|(^|[/\\\\])\\.\\.([/\\\\]|$)", entries$name)
  if (any(outside)) fail(sprintf('it would write to "%s"', entries$name[outside][[1L]]))
  if (any(entries$link)) fail(sprintf('its entry "%s" is a link', entries$name[entries$link][[1L]]))

  fresh <- tempfile("unpacked", dirname(path))
  dir.create(fresh)
  on.exit(unlink(fresh, recursive = TRUE))
  problem <- NULL
  withCallingHandlers(
    tryCatch(
      if (format == "zip") utils::unzip(path, exdir = fresh) else utils::untar(path, exdir = fresh, tar = "internal"),
      error = function(e) problem <<- conditionMessage(e)
    ),
    warning = function(w) {
      # git archive writes such a header, with nothing but the commit in it.
      if (!grepl("pax global", conditionMessage(w))) problem <<- conditionMessage(w)
      invokeRestart("muffleWarning")
    }
  )
  if (!is.null(problem)) fail(problem)
  for (name in list.files(fresh, all.files = TRUE, no.. = TRUE)) {
    target <- file.path(dirname(path), name)
    unlink(target, recursive = TRUE)
    file.rename(file.path(fresh, name), target)
  }
  invisible()
}

is_zip <- function(path) identical(readBin(path, "raw", 2L), charToRaw("PK"))

zip_entries <- function(path) {
  listed <- utils::unzip(path, list = TRUE)
  data.frame(name = listed$Name, link = FALSE)
}

# Names and kinds of what a tar file, compressed or not, contains.
tar_entries <- function(path) {
  con <- gzfile(path, "rb")
  on.exit(close(con))
  text <- function(bytes) rawToChar(bytes[cumsum(bytes == 0) == 0])
  names <- character()
  links <- logical()
  long <- NULL
  repeat {
    header <- readBin(con, "raw", 512L)
    if (length(header) < 512L || all(header == 0)) break
    kind <- rawToChar(header[157L][header[157L] != 0])
    link <- kind %in% c("1", "2")
    size <- if (link) 0 else strtoi(trimws(text(header[125:136])), 8L)
    if (is.na(size) || size < 0) stop("it is damaged, or no tar file")
    blocks <- ceiling(size / 512) * 512
    if (kind %in% c("L", "x", "g")) {
      content <- readBin(con, "raw", min(blocks, 1e6))
      if (kind == "L") long <- text(content)
      if (kind == "g" && grepl(" path=", text(content))) stop("it gives all its files one name")
      if (kind == "x") {
        at <- regmatches(text(content), regexec("[0-9]+ path=([^\n]*)\n", text(content)))[[1L]]
        if (length(at)) long <- at[[2L]]
      }
      next
    }
    prefix <- text(header[346:500])
    short <- text(header[1:100])
    names <- c(names, long %||% if (nzchar(prefix)) file.path(prefix, short) else short)
    links <- c(links, link)
    long <- NULL
    while (blocks > 0) {
      got <- length(readBin(con, "raw", min(blocks, 2^20)))
      if (got == 0L) stop("it is truncated")
      blocks <- blocks - got
    }
  }
  data.frame(name = names, link = links)
}
