"""What the demonstration lays down before anybody comes: a sandbox workspace, its policy, the plays with shortened waits, their mails."""

from __future__ import annotations

import secrets
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from oportuno.attention.ledger import Limit
from oportuno.consent.policy import Policy
from oportuno.consent.read_policy import write_policy
from oportuno.entry.demo.history import DataSet, History, read_history, shelved
from oportuno.entry.demo.people import people_of
from oportuno.entry.demo.setting import LOCALES, ZONE, Setting, read_setting, write_setting
from oportuno.flows.definitions import Kind, Workspaces
from oportuno.flows.open_workspace import open_workspace
from oportuno.journeys.journey import Journey, Wait, WaitFor
from oportuno.journeys.read import read_journey, write_journey
from oportuno.kit.faults import BadInput, NotFound
from oportuno.kit.times import DAY, MINUTE, SECOND, Millis

if TYPE_CHECKING:
    from oportuno.settings import Settings

NAME: Final = "Tienda Norte"
SHOWN_WAIT: Final[Millis] = 30 * MINUTE
"""What a left basket really waits, and what the pages say the short wait stands for."""
_HELP_WAIT: Final[Millis] = DAY
"""What the help with an order really waits, as the pages say."""
PLAYS: Final = ("abandoned-cart", "price-drop", "back-in-stock", "new-in-favourite", "after-purchase")
_LIMITS: Final = (Limit(at_most=3, per=DAY), Limit(at_most=9, per=7 * DAY))
_PLAYS: Final = files("oportuno").joinpath("plays")


async def lay_ground(
    settings: Settings, folder: Path, *, data: DataSet, customers: int, wait_seconds: int
) -> tuple[Setting, History | None]:
    """Make or find the workspace and publish what it says; gives the setting, and the history when it has yet to be loaded.

    `customers`: only so many of the data's; 0: everybody. Raises Unavailable when the database or the data is missing, BadInput when
    the data cannot be read or the folder holds a demonstration on other data.
    """
    from oportuno.adapters.mjml import Mrml
    from oportuno.flows.apply import apply
    from oportuno.wiring import workspaces_alone

    async with workspaces_alone(settings) as (workspaces, reads):
        setting = await _known(workspaces, folder)
        history = None
        if setting is not None and setting.data != data.key:
            sentence = f"this data directory holds the demonstration on {setting.data}: give another one with --data-dir"
            raise BadInput("demo_other_data", sentence, place="--data")
        if setting is None or not setting.loaded:
            ends = setting.ends if setting is not None else await reads.now()
            history = read_history(data, ends, customers=customers)
            if setting is None:
                setting = await _new(workspaces, history, ends)
        setting = msgspec.structs.replace(setting, wait_seconds=wait_seconds)
        texts = await _files(workspaces, setting, settings.public_url)
        await apply(texts, workspace=setting.workspace, workspaces=workspaces, compiler=Mrml())
    write_setting(folder, setting)
    return setting, history


async def _known(workspaces: Workspaces, folder: Path) -> Setting | None:
    """Give the setting that is kept, if the database still has its workspace."""
    setting = read_setting(folder)
    if setting is None:
        return None
    try:
        found = await workspaces.named(setting.public_id)
    except NotFound:
        return None
    return setting if found.workspace == setting.workspace else None


async def _new(workspaces: Workspaces, history: History, ends: Millis) -> Setting:
    opened = await open_workspace(
        NAME, timezone=ZONE, locale=LOCALES["es"], sandbox=True, workspaces=workspaces, chance=secrets.token_bytes
    )
    ranked = history.customers()
    return Setting(
        workspace=opened.workspace.workspace,
        public_id=opened.workspace.public_id,
        write_key=opened.write_key,
        secret_key=opened.secret_key,
        ends=ends,
        wait_seconds=0,
        orders=history.orders(),
        households=len(ranked),
        lines=history.lines,
        data=history.data.key,
        currency=history.data.currency,
        products=shelved(history),
        people=people_of(ranked, history.data.kind),
    )


async def _files(workspaces: Workspaces, setting: Setting, address: str) -> dict[str, str]:
    """Give what is to be published: the policy, the plays as shipped but for their waits, and their mails."""
    published = [
        msgspec.msgpack.decode(each.compiled, type=Journey)
        for each in await workspaces.definitions(setting.workspace)
        if each.kind is Kind.JOURNEY
    ]
    said = {"policy.yaml": write_policy(_policy(setting.currency), _brand(address))}
    for play in PLAYS:
        journey = shortened(read_journey(_play(f"{play}.yaml")), setting.wait_seconds)
        newest = max((each for each in published if each.key == journey.key), key=lambda each: each.version, default=None)
        if newest is not None:
            same = msgspec.structs.replace(journey, version=newest.version)
            journey = same if same == newest else msgspec.structs.replace(journey, version=newest.version + 1)
        said[f"journeys/{play}.yaml"] = (
            "# As shipped, but for its waits: shortened for the demonstration, which says so.\n" + write_journey(journey)
        )
        said[f"messages/{play}.yaml"] = _play(f"messages/{play}.yaml")
    return said


def _play(name: str) -> str:
    return _PLAYS.joinpath(name).read_text(encoding="utf-8")


def shortened(journey: Journey, seconds: int) -> Journey:
    """Give a play with its half hour or its day cut to some seconds; that of the basket open to a next one at once."""
    steps = tuple(_shortened_step(step, seconds * SECOND) for step in journey.steps)
    return msgspec.structs.replace(journey, steps=steps, reentry=0 if journey.key == PLAYS[0] else journey.reentry)


def _shortened_step(step: Any, wait: Millis) -> Any:
    if isinstance(step, WaitFor) and step.timeout == SHOWN_WAIT:
        return msgspec.structs.replace(step, timeout=wait)
    if isinstance(step, Wait) and step.length == _HELP_WAIT:
        return msgspec.structs.replace(step, length=wait)
    return step


def _policy(currency: str) -> Policy:
    """Give the default rules, but for quiet hours and the limits. The pages say so.

    At ten at night, or after the mail that confirms an address, a demonstration would show nothing but waiting.
    """
    return Policy(limits=_LIMITS, quiet=(0, 0), timezone=ZONE, country="ES", currency=currency, languages=("es", "en"), sandbox=True)


def _brand(address: str) -> dict[str, Any]:
    return {
        "name": NAME,
        "legal": "Tienda Norte, calle del Muelle 3, 39004 Santander · una tienda inventada · an invented shop",
        "sender": "hola@tiendanorte.example.com",
        "reply_to": "hola@tiendanorte.example.com",
        "shop_url": f"{address}/demo",
        "cart_url": f"{address}/demo/cart",
        "mark_url": f"{address}/demo/mark.png",
        "privacy_url": f"{address}/demo/answers",
    }
