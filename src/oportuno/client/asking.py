"""Calls that wait for an answer and may be asked again: the same request, until it is answered or the patience ends."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from datetime import UTC, datetime

from oportuno.client.faults import ClientFault, GaveUp, Unreachable
from oportuno.client.retrying import Again, judge, pause
from oportuno.client.wire import Answer, Wire


def ask_until(wire: Wire, path: str, body: bytes, *, headers: Mapping[str, str], patience: float) -> Answer:
    """Post until there is an answer that will not change, for at most `patience` seconds and at least once.

    What is sent again is the same to the byte: whoever sends names the request in a header, so that it counts once. Raises GaveUp, with
    the last fault as its cause.
    """
    began, attempt = time.monotonic(), 0
    while True:
        chance = random.random()  # noqa: S311 - pauses need no secrecy
        cause: ClientFault | None = None
        try:
            answer = wire.ask("POST", path, body=body, headers={"content-type": "application/json", **headers})
        except Unreachable as fault:
            cause, after = fault, pause(attempt, chance)
        else:
            judged = judge(answer.status, answer.headers, answer.body, attempt=attempt, chance=chance, now=datetime.now(UTC))
            if not isinstance(judged, Again):
                return answer
            after = judged.after
        attempt += 1
        if time.monotonic() - began + after > patience:
            raise GaveUp("gave_up", f"no answer that settles it in {attempt} attempts") from cause
        time.sleep(after)
