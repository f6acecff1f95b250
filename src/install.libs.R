# hornet's own library goes where R loads it from, the GPU plugin to a folder of its own.
libs <- file.path(R_PACKAGE_DIR, paste0("libs", R_ARCH))
backends <- file.path(R_PACKAGE_DIR, "backends")
plugin <- "hornet_cuda.so"

dir.create(libs, recursive = TRUE, showWarnings = FALSE)
built <- setdiff(Sys.glob(paste0("*", SHLIB_EXT)), plugin)
file.copy(built, libs, overwrite = TRUE)
if (file.exists("symbols.rds")) file.copy("symbols.rds", libs, overwrite = TRUE)
unlink(backends, recursive = TRUE)
if (file.exists(plugin)) {
  dir.create(backends)
  file.copy(plugin, backends, overwrite = TRUE)
}
