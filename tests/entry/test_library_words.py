"""Standard error is read by programs: whoever speaks there, each line is one JSON object and names nobody."""

from __future__ import annotations

import json
import subprocess
import sys


def test_what_a_library_says_is_told_in_our_own_form_and_without_its_words():
    program = """
import logging
import psycopg
from oportuno.entry.logs import set_up
set_up("info", part="engine")
try:
    raise ValueError("ana@example.com")
except ValueError:
    logging.getLogger("psycopg").warning("could not keep %s", "ana@example.com", exc_info=True)
"""
    said = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, timeout=120, check=True).stderr
    [line] = said.splitlines()
    told = json.loads(line)
    assert told.pop("timestamp").endswith("Z")
    assert told == {"event": "library_spoke", "fault": "ValueError", "level": "warning", "logger": "psycopg", "part": "engine"}
