"""Reading the small forms of the pages, however the browser or the mail program sends them."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import parse_qs

from starlette.requests import Request

from oportuno.kit.faults import BadInput

LARGEST: Final = 4_096
"""Bytes of a body. Our forms send a few dozen."""
_PART: Final = re.compile(rb'name="([\w-]{1,40})"[^\n]*\r?\n(?:[^\r\n]+\r?\n)*\r?\n([^\r\n]{0,100})')


class TooMuch(BadInput):
    """The body is larger than any form of ours."""

    status = 413


async def read_form(request: Request) -> dict[str, str]:
    """Give the fields of an urlencoded or multipart form, the last of each name. Raises BadInput (413) on a large body."""
    declared = request.headers.get("content-length", "0")
    if declared.isdigit() and int(declared[:12]) > LARGEST:
        raise TooMuch("form_too_large", f"a form may have {LARGEST} bytes")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST:
            raise TooMuch("form_too_large", f"a form may have {LARGEST} bytes")
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        return {name.decode(): value.decode("utf-8", "replace") for name, value in _PART.findall(body)}
    try:
        fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=20)
    except ValueError as fault:
        raise BadInput("form_malformed", "the form cannot be read") from fault
    return {name: values[-1] for name, values in fields.items()}
