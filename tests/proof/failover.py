"""Fail-over under fire: three ways out that refuse, break and fall silent, deliverers and PostgreSQL killed among them.

Judged by Message-ID over all doors: a promoting mail that one of them may have taken is never seen again, at any of them, and whatever
nobody knows stands in the outbox as unknown.
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections import Counter
from dataclasses import dataclass, field

import msgspec
from crowd import Crowd
from doors import OK, PERHAPS, UNSURE, Arrived, Doors
from under_fire import UnderFire

from oportuno.adapters.mjml import Mrml
from oportuno.adapters.postgres.connections import CHANGING, Connections
from oportuno.adapters.postgres.intake import PostgresIntake
from oportuno.adapters.postgres.providers import PostgresProviders
from oportuno.adapters.postgres.workspaces import PostgresWorkspaces
from oportuno.adapters.sealing import Sealer
from oportuno.channels.channel import Answer, Outcome
from oportuno.consent.answers import ANY_CHANNEL, Answered
from oportuno.consent.change import answer
from oportuno.consent.refusals import Refusal
from oportuno.flows.apply import apply
from oportuno.flows.providers import OwnProvider
from oportuno.flows.work import OutboxStatus
from oportuno.kit.ids import CustomerKey, key_of, write_id
from oportuno.profile.draft import Draft
from oportuno.profile.purposes import Purpose
from oportuno.profile.sections import Core, Register

KEY = b"proof of failing over, 32 bytes."
SMTP = {
    "first": {
        "greet:busy": 0.1,
        "mail:busy": 0.03,
        "rcpt:later": 0.03,
        "rcpt:never": 0.01,
        "half": 0.04,
        "later": 0.03,
        "busy": 0.05,
        "hang": 0.002,
    },
    "last": {"half": 0.02},
}
HTTP = {"second": {"busy": 0.3, "later": 0.05, "broken": 0.03, "half": 0.03, "never": 0.01, "hang": 0.004}}
DOMAIN = "tienda.example"
POLICY = f"""
policy:
  limits:
    - {{at_most: 1000, per: 1h}}
  quiet: none
  timezone: Europe/Madrid
  country: ES
  languages: [es]
brand:
  name: Tienda Norte
  legal: Tienda Norte, S. L., calle del Muelle 3, 39004 Santander
  sender: hola@{DOMAIN}
  shop_url: https://{DOMAIN}
"""
_JOURNEY = """
journey: {key}
version: 1
trigger: [{event}]
steps:
  - id: say
    send: {key}
    channel: email
    purpose: {purpose}
    because: event_seen
    expires: {expires}
reentry: always
on_publish: finish_old
"""
_MESSAGE = """
message: {key}
version: 1
channel: email
purpose: {purpose}
wordings:
  es: {{subject: "Novedades", mjml: "<mj-text>Hola</mj-text>"}}
"""
_FAILED_OVER = """
SELECT count(DISTINCT taken.message) FROM attempts taken JOIN attempts refused USING (workspace, message)
WHERE taken.outcome = 'accepted' AND refused.outcome = 'refused_for_now' AND refused.way <> taken.way
"""
PURPOSES = {"Good News": "marketing", "Good Help": "service"}
PATIENCE = 600
AHEAD = 150
"""Events that may be on their way at one time."""
ENOUGH = 3
"""Mails that every door took after the last death, at least."""


@dataclass
class Sizes:
    """How hard it is."""

    events: int
    customers: int
    deliverer_kills: int
    postgres_kills: int
    seed: int
    deliverers: int = 2
    expires: str = "10m"
    hangs: bool = True
    """Whether doors fall silent for good now and then: each time costs the two minutes after which we give up."""
    between: int = 20
    """Mails that the doors must have seen between two kills."""


@dataclass
class Found:
    """What was found; it holds when `faults` is empty."""

    messages: int = 0
    arrived: int = 0
    taken_by: dict[str, int] = field(default_factory=dict)
    """Accepted, by the door that took it."""
    turned_away: dict[str, int] = field(default_factory=dict)
    failed_over: int = 0
    """Accepted by one way after another had refused it."""
    answers: dict[str, int] = field(default_factory=dict)
    endings: dict[str, int] = field(default_factory=dict)
    duplicates: int = 0
    unknown_by_script: int = 0
    unknown_by_death: int = 0
    unknown_allowed: int = 0
    faults: list[str] = field(default_factory=list)


@dataclass
class Report:
    """One run."""

    sizes: Sizes
    events: int = 0
    deliverer_kills: int = 0
    postgres_kills: int = 0
    seconds: float = 0.0
    found: Found = field(default_factory=Found)


class Failover(UnderFire):
    """One run."""

    patience = PATIENCE
    lull = PATIENCE

    def __init__(self, sizes: Sizes) -> None:
        kept = {
            door: {what: share for what, share in script.items() if sizes.hangs or what != "hang"} for door, script in (SMTP | HTTP).items()
        }
        self.doors = Doors({door: kept[door] for door in SMTP}, {door: kept[door] for door in HTTP}, seed=sizes.seed)
        super().__init__(Report(sizes), self.doors, self.doors.arrived)
        self.lanes: dict[str, str] = {}

    def _deliverer(self):
        return self.ground.oportuno(
            "deliver",
            OPORTUNO_ALLOW_LOOPBACK_WEBHOOKS="true",
            OPORTUNO_SEALING_KEY=base64.b64encode(KEY).decode(),
            OPORTUNO_SMTP_HOST="127.0.0.1",
            OPORTUNO_SMTP_PORT=str(self.doors.ports["last"]),
            OPORTUNO_SMTP_SECURITY="none",
            OPORTUNO_PROVIDER_SIGNS="true",
        )

    async def _lay_down(self, workspace: int) -> None:
        files = {"policy.yaml": POLICY}
        for event, purpose in PURPOSES.items():
            words = {"key": event.lower().replace(" ", "-"), "event": event, "purpose": purpose, "expires": self.sizes.expires}
            files[f"journeys/{words['key']}.yaml"] = _JOURNEY.format(**words)
            files[f"messages/{words['key']}.yaml"] = _MESSAGE.format(**words)
        connections = Connections(self.ground.url, name="proof", most=1, plans=CHANGING)
        providers = PostgresProviders(connections, Sealer(lambda: [KEY]))
        ports = self.doors.ports
        told = {
            "first": ("smtp", {"host": "127.0.0.1", "port": str(ports["first"]), "security": "none"}, {}),
            "second": ("mailgun", {"domain": DOMAIN, "endpoint": f"http://127.0.0.1:{ports['second']}"}, {"api_key": "proof-key"}),
        }
        try:
            await apply(files, workspace=workspace, workspaces=PostgresWorkspaces(connections), compiler=Mrml())
            for place, (name, (kind, settings, secrets)) in enumerate(told.items()):
                own = OwnProvider(
                    workspace=workspace,
                    id=f"prov_{name}",
                    place=place,
                    kind=kind,
                    name=name,
                    settings=settings,
                    secrets=secrets,
                    signs=DOMAIN,
                )
                self.lanes[(await providers.put(own)).lane] = name
        finally:
            await connections.close()
        self.lanes["smtp 127.0.0.1"] = "last"

    async def _rage(self, crowd: Crowd) -> None:
        intake = await PostgresIntake.open(self.ground.url)
        crowd.keys = [key_of(crowd.workspace, each) for each in await intake.resolve(crowd.people)]
        for number, key in enumerate(crowd.keys):
            self.ground.execute(
                "INSERT INTO customers (bucket, workspace, customer, version, state) VALUES (%s, %s, %s, 1, %s)",
                (*key, _agreed(key, number).encode()),
            )
        async with asyncio.TaskGroup() as together:
            together.create_task(self._send(crowd, intake))
            together.create_task(self._kill())
        await intake.close()
        self.doors.calm = True
        await self._drain()

    async def _send(self, crowd: Crowd, intake: PostgresIntake) -> None:
        while self.report.events < self.sizes.events or self.killing or not self._enough():
            if time.monotonic() > self.patient_until:
                self.report.found.faults.append(f"too little happened within {PATIENCE} s: {dict(self.doors.turned_away)}")
                return
            if self.report.events > len(self.doors.arrived) + AHEAD:
                await asyncio.sleep(0.05)
                continue
            names = self.chance.choices(list(PURPOSES), [5, 1], k=10)
            await crowd.send(intake, [crowd.event(name=name) for name in names])
            self.report.events += len(names)

    def _enough(self) -> bool:
        """Whether every door took something, and the first ones turned enough away, since the last death."""
        since = self.doors.arrived[self.arrived_before :]
        taken = Counter(each.door for each in since if each.answer == OK)
        busy = self.doors.turned_away["first"] + sum(each.door == "second" and each.answer == "busy" for each in self.doors.arrived)
        return all(taken[door] >= ENOUGH for door in ("first", "second", "last")) and busy >= ENOUGH

    # ── Judging ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _judge(self) -> None:
        found = self.report.found
        seen = self._seen()
        endings: Counter[str] = Counter()
        taken_by: Counter[str] = Counter()
        known = set()
        for id_, status, marketing, reason, stored in self.ground.execute("SELECT id, status, marketing, reason, answer FROM outbox"):
            name, ending = write_id("msg", bytes(id_)), OutboxStatus(status)
            known.add(name)
            endings[ending.name.lower()] += 1
            mine = seen.get(name, [])
            answered = msgspec.msgpack.decode(bytes(stored), type=Answer) if stored else None
            self._once(name, mine, marketing=marketing)
            self._explained(name, ending, mine, reason, answered)
            if ending is OutboxStatus.ACCEPTED and answered is not None:
                taken_by[self.lanes.get(answered.way, answered.way)] += 1
        found.messages, found.arrived, found.endings, found.taken_by = len(known), len(self.doors.arrived), dict(endings), dict(taken_by)
        found.failed_over = int(self.ground.execute(_FAILED_OVER)[0][0])
        found.turned_away = dict(self.doors.turned_away)
        found.answers = dict(Counter(f"{each.door}: {each.answer}" for each in self.doors.arrived))
        if seen.keys() - known:
            found.faults.append(f"{len(seen.keys() - known)} messages reached a door and stand nowhere")
        self._judge_unknown()

    def _once(self, name: str, mine: list[Arrived], *, marketing: bool) -> None:
        perhaps = [place for place, arrived in enumerate(mine) if arrived.answer in PERHAPS]
        if marketing and perhaps and perhaps[0] != len(mine) - 1:
            self.report.found.duplicates += 1
            self.report.found.faults.append(f"{name} came again after it may have been taken: {[(a.door, a.answer) for a in mine]}")

    def _explained(self, name: str, ending: OutboxStatus, mine: list[Arrived], reason: str, answered: Answer | None) -> None:
        found, said = self.report.found, [(a.door, a.answer) for a in mine]
        last = mine[-1] if mine else None
        match ending:
            case OutboxStatus.ACCEPTED if (
                last is None or last.answer != OK or answered is None or self.lanes.get(answered.way) != last.door
            ):
                found.faults.append(f"{name} stands as accepted by {answered and answered.way}, the doors say {said}")
            case OutboxStatus.REFUSED if any(each.answer in PERHAPS for each in mine):
                found.faults.append(f"{name} stands as refused for good, the doors say {said}")
            case OutboxStatus.UNKNOWN if answered is None or answered.outcome is not Outcome.UNKNOWN or not reason:
                found.faults.append(f"{name} is unknown and nothing says why")
            case OutboxStatus.UNKNOWN:
                by_script = last is not None and last.answer in UNSURE
                found.unknown_by_script += by_script
                found.unknown_by_death += not by_script
            case OutboxStatus.CANCELLED | OutboxStatus.EXPIRED if reason not in {refusal.value for refusal in Refusal}:
                found.faults.append(f"{name} was {ending.name.lower()} because of “{reason}”, which is no refusal")
            case OutboxStatus.CANCELLED | OutboxStatus.EXPIRED if any(each.answer in PERHAPS for each in mine):
                found.faults.append(f"{name} was {ending.name.lower()} although a door may have taken it: {said}")
            case OutboxStatus.PENDING | OutboxStatus.HANDING:
                found.faults.append(f"{name} is still {ending.name.lower()}: {said}")
            case _:
                return


def _agreed(key: CustomerKey, number: int) -> Draft:
    """Give a customer with an address who said yes to marketing by e-mail."""
    draft = Draft(key)
    answer(draft, purpose=Purpose.MARKETING, channel="email", state=Answered.GRANTED, at=1, source="proof", notice="v1")
    answer(draft, purpose=Purpose.PERSONALISATION, channel=ANY_CHANNEL, state=Answered.GRANTED, at=1, source="proof", notice="v1")
    traits = draft.open(Core).traits
    traits["email"] = Register(value=f"ana{number}@cliente{number % 60}.example", at=1, h=b"h")
    traits["timezone"] = Register(value="Europe/Madrid", at=1, h=b"h")
    return draft
