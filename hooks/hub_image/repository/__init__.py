"""A repository of the template: its files, its answers, and the catalog that they refer to."""
