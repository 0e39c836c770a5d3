"""MJML by the mrml library: compiled when a message is published, never when one is sent."""

from __future__ import annotations

import re
from typing import Final

import mrml

from oportuno.content.liquid import TemplateFault

_SPOT: Final = re.compile(r"position (\d+):\d+")


class Mrml:
    """The compiler. It fetches nothing: no includes, no fonts from elsewhere."""

    def __init__(self) -> None:
        self._reading = mrml.ParserOptions(include_loader=mrml.noop_loader())
        self._writing = mrml.RenderOptions(disable_comments=False, fonts={})

    async def compile(self, mjml: str) -> str:
        """Give the HTML of an MJML document. Raises TemplateFault, with the line where the library names a place."""
        try:
            return str(mrml.to_html(mjml, self._reading, self._writing).content)
        except OSError as fault:  # the library's only exception, whatever is wrong
            spot = _SPOT.search(str(fault))
            line = mjml.count("\n", 0, int(spot[1])) + 1 if spot else 0
            raise TemplateFault("mjml_malformed", f"MJML cannot be compiled: {str(fault)[:160]}", line=line) from fault
