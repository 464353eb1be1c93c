"""The lists of packages, what is installed in an image, and the locks."""
