"""Under which day a message id is remembered, so that a retry finds it again."""

from __future__ import annotations

from typing import Final

from oportuno.kit.times import DAY, Millis, day_of

OLDEST_DAYS: Final = 30
"""How far back the client's own day is believed for remembering ids."""
OLD_SHELF: Final = 100_000
"""Days are counted from here below nothing for what was too old when it came: those ids are kept, not let go after a month."""

_UUID_LENGTH: Final = 36
_ULID_LENGTH: Final = 26
_CROCKFORD: Final = {letter: value for value, letter in enumerate("0123456789ABCDEFGHJKMNPQRSTVWXYZ")}


def remembered_on(own: Millis | None, sent: Millis | None, message_id: str, received: Millis) -> tuple[int, int | None]:
    """Give the day under which the id is remembered, and another under which an earlier attempt may have been.

    Only the client's own stamp stays the same over retries: sentAt is written anew by every attempt, and a stamp in the future that had to
    be brought back moves along with our clock. A stamp too old for the days that come and go is remembered on a shelf of its own, by its
    own day, so that it does not move either; the first attempt may have come when it was not too old yet.
    """
    earliest, latest = received - OLDEST_DAYS * DAY, received + DAY
    if own is not None and earliest <= own <= latest:
        return own // DAY, None
    stamp = own if own is not None else sent
    if stamp is None:
        inside = _moment_inside(message_id)
        if inside is None or not earliest <= inside <= latest:
            return day_of(received), day_of(received) - 1
        return day_of(inside), None
    day = day_of(min(stamp, latest))
    if stamp < earliest and own is None:
        return day_of(received), day_of(received) - 1
    if stamp < earliest:
        return day - OLD_SHELF, day
    return day, day - 1 if own is None or stamp > latest else None


def _moment_inside(message_id: str) -> Millis | None:
    """Give the moment that a UUIDv7 or a ULID carries; None when the id is neither."""
    if (
        len(message_id) == _UUID_LENGTH
        and message_id[14] == "7"
        and message_id[8] == message_id[13] == message_id[18] == message_id[23] == "-"
    ):
        try:
            return int(message_id[:8] + message_id[9:13], 16)
        except ValueError:
            return None
    if len(message_id) == _ULID_LENGTH:
        millis = 0
        for letter in message_id[:10].upper():
            value = _CROCKFORD.get(letter)
            if value is None:
                return None
            millis = millis << 5 | value
        return millis
    return None
