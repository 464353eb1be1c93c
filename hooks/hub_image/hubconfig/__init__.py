"""A hub's configuration, also of hubs that we have nothing to do with: its images read, changed, and looked over."""
