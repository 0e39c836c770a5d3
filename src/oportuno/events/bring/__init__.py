"""Bringing in what others wrote down: rows of a file become the calls that they tell of. Pure."""
