"""The steps of a repository's workflows. They use every other room, and nothing imports them."""
