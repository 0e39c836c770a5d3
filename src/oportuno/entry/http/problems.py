"""Faults as programs get them: RFC 9457 problems that carry the code, one sentence, and the place."""

from __future__ import annotations

from typing import Final

import msgspec

from oportuno.kit.faults import Busy, Fault, NotRecognised, Unavailable, WrongMethod

MEDIA_TYPE: Final = "application/problem+json"
RETRY_SOON: Final = 2
"""Seconds after which a part that was gone may be asked again."""

Headers = list[tuple[bytes, bytes]]

_TITLES: Final = {
    400: "Bad input",
    401: "Key not recognised",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    408: "Too slow",
    409: "Conflict",
    410: "Gone",
    413: "Too large",
    415: "Unsupported encoding",
    422: "Bad input",
    429: "Too many requests",
    500: "Fault of ours",
    503: "Not available now",
}
_OURS: Final = "something broke on our side; nothing of this request was acknowledged"


class Problem(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The body of an answer that is not a success."""

    type: str
    """``urn:oportuno:problem:<code>``: the same for every occurrence."""
    title: str
    status: int
    detail: str
    """One sentence."""
    code: str
    place: str = ""
    """Which line, field or item it concerns, for example ``batch[3].timestamp``."""
    instance: str = ""
    """The path that was asked."""
    message: str = ""
    """The collector's answers only: `detail` under the name that Segment's own answers have. Libraries that look for it and find nothing
    take a wrong key for a passing fault, and try for a quarter of an hour."""


def problem_of(fault: Fault, *, instance: str = "") -> Problem:
    """Say a fault as a problem."""
    status = fault.status
    return Problem(
        type=f"urn:oportuno:problem:{fault.code}",
        title=_TITLES.get(status, "Fault"),
        status=status,
        # What the inside says of a fault of ours is for the log: it may name what a stranger should not read.
        detail=_OURS if status == Fault.status else fault.sentence,
        code=fault.code,
        place=fault.place,
        instance=instance,
    )


def problem_bytes(fault: Fault, *, instance: str = "", to_library: bool = False) -> tuple[int, Headers, bytes]:
    """Give status, headers and body of the answer that tells a fault; `to_library`: as libraries made for Segment read it."""
    problem = problem_of(fault, instance=instance)
    if to_library:
        problem.message = problem.detail
    body = msgspec.json.encode(problem)
    headers = [
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        *headers_of(fault),
    ]
    return fault.status, headers, body


def headers_of(fault: Fault) -> Headers:
    """Give the headers that a fault calls for beside those of its body."""
    if isinstance(fault, Busy):
        return [(b"retry-after", str(fault.retry_after).encode())]
    if isinstance(fault, Unavailable):
        return [(b"retry-after", str(RETRY_SOON).encode())]
    if isinstance(fault, NotRecognised):
        return [(b"www-authenticate", b'Basic realm="oportuno", charset="UTF-8"')]
    if isinstance(fault, WrongMethod):
        return [(b"allow", fault.allow.encode())]
    return []


class Broken(Fault):
    """An exception that nobody foresaw, as the outside may see it."""

    status = 500

    def __init__(self) -> None:
        super().__init__("internal", _OURS)
