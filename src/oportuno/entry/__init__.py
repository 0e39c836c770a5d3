"""The outside: command line, processes, HTTP. Everything enters here."""
