# R packages, from CRAN. This is an R script: it runs once, when the image is built.
#
# To add a package, write its name into the list and open a pull request.
# The build stops when one cannot be installed and loaded. Its message then often names a library to add to apt.txt.
install.packages(c(
  "here",
  "praise"
))
