"""Whether to speak, wait or stay silent, and which of several proposals wins."""
