"""Debian's `site` module, which is compiled into the interpreter, knows no site-packages."""

import site
import sys

FOLDER = f"{sys.prefix}/lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"

site.getsitepackages = lambda prefixes=None: [FOLDER]
site.addsitedir(FOLDER)
