"""Languages that a repository is written in: the shell and the Dockerfile. Imports nothing of this package."""
