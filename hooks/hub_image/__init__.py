"""Checks, tests and hand-off for image repositories made from hub-image-template."""

__version__ = "0.1.0"
