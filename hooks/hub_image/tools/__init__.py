"""Programs and services that others run: Docker, git, registries, GitHub."""
