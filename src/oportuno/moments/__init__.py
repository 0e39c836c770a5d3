"""Opportunities spotted in what happened, each with its because."""
