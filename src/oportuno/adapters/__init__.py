"""The outside: one folder for each thing the ports may stand on."""
