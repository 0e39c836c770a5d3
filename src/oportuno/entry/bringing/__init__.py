"""One import from the command line or the API: what was asked, how it is mapped, what became of it."""
