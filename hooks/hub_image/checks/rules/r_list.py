"""R cannot read the list, or conda's R cannot install what it names.

Why: the build stops in install.R. An R from conda compiles packages against conda's own libraries and does not see those
of apt.txt, so a package that needs a system library comes from conda-forge, where it brings the library along.

Fix: close strings and brackets, and leave no comma at the end of `c()`. Where R is conda's, move such a package to
environment.yml, as in `r-sf`; without an environment.yml, to `mamba install --yes r-sf` in postBuild.

Severity: error; warning for a package that conda's R cannot install.

Source: <https://cran.r-project.org/doc/manuals/r-release/R-lang.html#Parser>, <https://github.com/jupyter/docker-stacks/issues/806>, <https://github.com/r-spatial/sf/issues/2479>
"""

from collections.abc import Iterator
from pathlib import Path

from hub_image.checks import Finding
from hub_image.lists import packages
from hub_image.repository import files, image_env

# Each needs a library that no base brings, says its SystemRequirements on CRAN, and is on conda-forge as r-<name>.
# Not in here: curl, openssl, xml2 and others of which conda's R or Docker Stacks' packages bring the library.
LIBRARIES = {
    "gdalcubes": "GDAL",
    "hdf5r": "HDF5",
    "lwgeom": "GEOS",
    "magick": "ImageMagick",
    "ncdf4": "netCDF",
    "proj4": "PROJ",
    "rjags": "JAGS",
    "rJava": "Java",
    "RNetCDF": "netCDF",
    "sf": "GDAL",
    "terra": "GDAL",
    "units": "UDUNITS",
}


def check(repository: Path) -> Iterator[Finding]:
    """Yield what R would refuse in install.R, and what conda's R could not install."""
    for file, fault in packages.faults(repository, "r"):
        yield Finding(file, fault.line, fault.message, fault.severity)
    answers = image_env.read(repository)
    if not answers.conda_r:
        return
    lists = list(packages.read(repository))
    from_conda = {package.name for _, listed in lists for package in listed.packages}
    script = files.read(repository / "postBuild")
    conda = answers.package_manager == "conda"
    for file, listed in lists:
        for package in listed.strings:
            name = f"r-{package.name.lower()}"
            if package.name in LIBRARIES and name not in from_conda and name not in script:
                place = (
                    f"write {name} into environment.yml"
                    if conda
                    else f"run `mamba install --yes {name}` in postBuild"
                )
                message = (
                    f"`{package.name}` needs {LIBRARIES[package.name]}, and conda's R does not see the one of apt.txt; "
                    f"{place} instead"
                )
                yield Finding(file, package.line, message, "warning")
