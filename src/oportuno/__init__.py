"""Oportuno: self-hosted, consent-first, real-time customer engagement for retailers."""

__version__ = "0.1.0"
