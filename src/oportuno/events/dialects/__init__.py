"""Other vocabularies for the same things: one table a dialect, read at the door so that everything behind it knows one language."""
