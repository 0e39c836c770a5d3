"""The people of the benchmark: states folded from made-up months, copied to as many customers as asked for."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from hashlib import blake2b
from typing import Final

import msgspec
import psycopg

from oportuno.consent.answers import ANY_CHANNEL, Answered
from oportuno.consent.change import answer
from oportuno.consent.policy import Policy
from oportuno.entry.bench.traffic import Traffic
from oportuno.events.event import Call, Event, Source
from oportuno.flows.programme import Brand, Programme
from oportuno.flows.step import step
from oportuno.kit.ids import BUCKETS, CustomerId, CustomerKey, WorkspaceId, derive, key_of
from oportuno.kit.times import DAY, HOUR, MINUTE, Millis
from oportuno.profile.draft import Draft
from oportuno.profile.purposes import Purpose
from oportuno.profile.sections import Core, Register

_MOULDS: Final = 400
"""Different histories; each customer gets one of them under names of their own."""
_MONTHS: Final = 90 * DAY
_A_VISIT: Final = 8
_NO_JOURNEYS: Final = Programme(workspace=1, public_id="ws_bench", version=1, policy=Policy(), brand=Brand(name="Tienda Norte"))


def mould_states(now: Millis, *, seed: int = 7) -> list[bytes]:
    """Fold 400 made-up histories of 90 days, from a few events to a few hundred, as the engine itself would have."""
    chance = random.Random(seed)
    traffic = Traffic(customers=1, seed=seed, prefix="mould")
    return [_live(traffic, CustomerKey(0, 1, number + 1), round(chance.lognormvariate(3.5, 0.7)), now) for number in range(_MOULDS)]


def _live(traffic: Traffic, key: CustomerKey, events: int, now: Millis) -> bytes:
    """Live through ninety days in visits of about eight events, a minute apart."""
    draft = Draft(key)
    _consent(draft, now - _MONTHS)
    state = draft.encode()
    visits = max(1, events // _A_VISIT)
    apart = (_MONTHS - HOUR) // (visits + 1)
    for number in range(events):
        visit, minute = divmod(number * visits, events)
        at = now - _MONTHS + (visit + 1) * apart + minute // visits * MINUTE
        draft = Draft(key, state, 1)
        step(draft, [_event(key, traffic.event(at), number, at)], programme=_NO_JOURNEYS, now=at)
        state = draft.encode()
    return state


def _consent(draft: Draft, at: Millis) -> None:
    for purpose, channel in (
        (Purpose.MARKETING, "email"),
        (Purpose.MARKETING, "webhook"),
        (Purpose.PERSONALISATION, ANY_CHANNEL),
        (Purpose.MEASUREMENT, ANY_CHANNEL),
    ):
        answer(draft, purpose=purpose, channel=channel, state=Answered.GRANTED, at=at, source="bench_simulated", notice="v1")


def _event(key: CustomerKey, body: bytes, number: int, at: Millis) -> Event:
    said = msgspec.json.decode(body)
    return Event(
        key=key,
        lane=0,
        seq=number + 1,
        h=derive(said["messageId"]),
        source=Source.IMPORT,
        call=Call.TRACK if said["type"] == "track" else Call.PAGE,
        name=said.get("event") or said.get("name") or "",
        at=at,
        received=at,
        body=body,
    )


def seed_customers(
    url: str,
    workspace: WorkspaceId,
    first: int,
    last: int,
    *,
    secret: bytes,
    now: Millis,
    prefix: str,
    tell: Callable[[int], None],
    moulds: list[bytes] | None = None,
) -> None:
    """Put customers number `first` up to `last` (exclusive) straight into the tables, with their places in the directory.

    Their states are copies of `moulds` in turn; without, of `mould_states`.
    """
    moulds = moulds or mould_states(now)
    with psycopg.connect(url) as connection:
        for start in range(first, last, 20_000):
            rows = list(_rows(moulds, workspace, range(start, min(last, start + 20_000)), secret=secret, now=now, prefix=prefix))
            with connection.cursor() as cursor:
                statement = "COPY customers (bucket, workspace, customer, version, state) FROM STDIN (FORMAT BINARY)"
                with cursor.copy(statement) as copy:
                    copy.set_types(["int2", "int4", "int8", "int8", "bytea"])
                    for key, state, _ in rows:
                        copy.write_row((*key, 1, state))
                with cursor.copy("COPY identities (idbucket, workspace, kind, value_hash, customer) FROM STDIN (FORMAT BINARY)") as copy:
                    copy.set_types(["int2", "int4", "int2", "bytea", "int8"])
                    for key, _, place in rows:
                        copy.write_row((place[0] % BUCKETS, workspace, 0, place, key.customer))
            connection.commit()
            tell(len(rows))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE, FREEZE) customers, identities")


def customer_number(prefix: str, number: int) -> CustomerId:
    """Give the id of the seeded customer `number`: spread like minted ids are, but known."""
    return int.from_bytes(derive("bench", prefix, number)[:8], "big") >> 1


def _rows(
    moulds: list[bytes], workspace: WorkspaceId, numbers: range, *, secret: bytes, now: Millis, prefix: str
) -> Iterator[tuple[CustomerKey, bytes, bytes]]:
    directory_key = blake2b(b"directory", key=secret[:32], digest_size=32).digest()
    for number in numbers:
        name = f"{prefix}{number}"
        key = key_of(workspace, customer_number(prefix, number))
        draft = Draft(key, moulds[number % len(moulds)], 1)
        core = draft.open(Core)
        core.ids = [("user", name, now - _MONTHS)]
        core.traits["email"] = Register(value=f"{name}@example.com", at=now - _MONTHS, h=b"bench-01")
        core.traits["timezone"] = Register(value="Europe/Madrid", at=now - _MONTHS, h=b"bench-01")
        digest = blake2b(name.encode(), key=directory_key, digest_size=16, salt=bytes([0]), person=workspace.to_bytes(8, "big"))
        yield key, draft.encode(), digest.digest()
