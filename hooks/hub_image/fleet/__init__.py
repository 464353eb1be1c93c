"""Many images at once: where each runs, how old it is, and which need somebody."""
