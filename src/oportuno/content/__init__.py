"""What is said: templates, languages, the because line, links."""
