# Written by hub-image-template; `copier update` replaces this file.
# The Dockerfile runs it for install.R. R itself only warns when a package could not be installed, and goes on with the
# old one where there is one. Here that stops the build, as every error does, with the line of install.R. Its own names
# and those of install.R do not meet: it runs in an environment that sees base R alone, install.R in the global one.
file <- "/mnt/install.R"
if (!file.exists(file)) quit()
options(warn = 1)
install <- utils::install.packages

# The name of what install.packages() is told: a folder, an archive or a name. NA where it does not say.
asked <- function(pkg) {
  description <- file.path(pkg, "DESCRIPTION")
  if (file.exists(description)) return(read.dcf(description, "Package")[[1]])
  if (!grepl("/|[.](gz|bz2|xz|tgz)$", pkg)) return(pkg)
  regmatches(basename(pkg), regexec("^([[:alnum:].]+)_[0-9.-]+[.]t", basename(pkg)))[[1]][2]
}

# In an R of its own, since this one may hold the old version of what has just been replaced.
loads <- tempfile(fileext = ".R")
writeLines('
for (name in commandArgs(TRUE)) tryCatch({
  loadNamespace(name)
  cat("\nloaded ", name, " ", getNamespaceVersion(name), "\n", sep = "")
}, error = function(error) message(conditionMessage(error)))
', loads)

reason <- function(what, names) {
  advice <- "a system library that is missing goes into apt.txt."
  stop(what, " ", toString(names), ", for the reason above; ", advice, call. = FALSE)
}

checked <- function(pkgs, lib = NULL, ...) {
  if (is.null(lib)) lib <- .libPaths()[1]
  names <- vapply(pkgs, asked, "")
  known <- names[!is.na(names)]
  failed <- character()
  withCallingHandlers(install(pkgs, lib, ...), warning = function(warning) {
    if (!identical(as.list(conditionCall(warning))[1], list(quote(install)))) return()
    said <- conditionMessage(warning)
    quoted <- regmatches(said, gregexpr("['\u2018][^'\u2019]+['\u2019]", said))[[1]]
    failed <<- c(failed, if (length(quoted)) sub("_.*", "", basename(gsub("^.|.$", "", quoted))) else said)
  })
  if (length(failed)) reason("cannot install", unique(failed))
  installed <- file.path(lib, names, "DESCRIPTION")
  libraries <- paste0("R_LIBS=", shQuote(paste(.libPaths(), collapse = ":")))
  said <- system2(file.path(R.home("bin"), "Rscript"), c(loads, known), stdout = TRUE, env = libraries)
  loaded <- sub("^loaded ", "", grep("^loaded ", said, value = TRUE))
  if (length(broken <- setdiff(known, sub(" .*", "", loaded)))) reason("cannot load", broken)
  for (file in installed[file.exists(installed)]) {
    package <- paste(read.dcf(file, c("Package", "Version")), collapse = " ")
    if (!package %in% loaded) {
      stop(package, " is in ", dirname(dirname(file)), ", but R loads another version; install it into ", .libPaths()[1],
           ", where R looks first.", call. = FALSE)
    }
  }
  invisible()
}
for (scope in list(asNamespace("utils"), as.environment("package:utils"))) {
  unlockBinding("install.packages", scope)
  assign("install.packages", checked, scope)
}

# All that an error says, with what it came from where its package records that, as pak does.
told <- function(error) c(conditionMessage(error), if (inherits(error[["parent"]], "condition")) told(error[["parent"]]))
fail <- function(...) {
  message(...)
  quit(status = 1)
}

script <- tryCatch(parse(file, keep.source = TRUE), error = function(error) {
  said <- sub(file, "install.R", conditionMessage(error), fixed = TRUE)
  fail(said, "\n", sub("\n.*", "", said), "; look there for a comma, a bracket or a quote that is missing or too many.")
})
for (number in seq_along(script)) {
  tryCatch(source(exprs = as.expression(list(script[[number]])), echo = TRUE), error = function(error) {
    fail("install.R:", attr(script, "srcref")[[number]][1], ": ", paste(told(error), collapse = "\n"))
  })
}
