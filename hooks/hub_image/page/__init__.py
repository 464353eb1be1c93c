"""The page of an image: what is in it, what changed, and how to start it."""
