"""Opportunities spotted in what happened: the proposals."""
