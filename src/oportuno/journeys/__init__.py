"""Programmes that start on a trigger and run in steps: read from YAML, advanced by events and time."""
