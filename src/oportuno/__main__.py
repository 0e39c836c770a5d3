"""`python -m oportuno` is the same as `oportuno`."""

from __future__ import annotations

from oportuno.entry.cli import main

main()
