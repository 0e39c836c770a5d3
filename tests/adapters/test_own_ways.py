"""By which ways each workspace's messages go: its own providers first, the installation's server last, a sandbox's mailbox alone."""

from __future__ import annotations

import asyncio
from typing import Any

from pydantic import SecretStr

from oportuno.adapters.memory import MemoryWorld
from oportuno.adapters.system_clock import SystemClock
from oportuno.channels.ways import ALL_SIGNED
from oportuno.consent.policy import Policy
from oportuno.flows.programme import Brand, Programme
from oportuno.flows.providers import OwnProvider
from oportuno.settings import Settings
from oportuno.wiring.ways import OwnWays


def programme(workspace: int, *, sandbox: bool = False) -> Programme:
    return Programme(
        workspace=workspace, public_id=f"ws_{workspace}", version=1, policy=Policy(sandbox=sandbox), brand=Brand(name="Tienda Norte")
    )


def own(workspace: int, name: str, **more: Any) -> OwnProvider:
    given = {"kind": "smtp", "place": 1, "settings": {"host": "mail.example"}, "changed_at": 1, **more}
    return OwnProvider(workspace=workspace, id=f"prov_{name}", name=name, **given)


def lanes(ways: OwnWays, workspace: int, channel: str = "email", **more: bool) -> list[tuple[str, str]]:
    return [(way.lane, way.signs) for way in ways(programme(workspace, **more), channel)]


def story(settings: Settings, tell: Any) -> None:
    async def whole() -> None:
        ways = OwnWays(settings, MemoryWorld().mailbox, SystemClock())
        try:
            tell(ways)
        finally:
            await ways.close()

    asyncio.run(asyncio.wait_for(whole(), 60))


def test_a_workspace_s_own_providers_come_first_in_their_order_and_the_installation_s_server_last() -> None:
    def tell(ways: OwnWays) -> None:
        ways.lay_down(
            [
                own(7, "uno", signs="tiendanorte.example"),
                own(7, "dos", kind="sendgrid", settings={}, secrets={"api_key": "k"}, place=2),
                own(8, "tres"),
            ]
        )
        last = ("smtp mail.casa.example", ALL_SIGNED)
        assert lanes(ways, 7) == [("smtp prov_uno", "tiendanorte.example"), ("sendgrid prov_dos", ""), last]
        assert lanes(ways, 8) == [("smtp prov_tres", ""), last]
        assert lanes(ways, 9) == [last]
        assert lanes(ways, 7, "webhook") == [("webhook", "")]

    story(Settings(smtp_host="mail.casa.example", provider_signs=True), tell)


def test_a_sandbox_has_its_mailbox_and_nothing_else_and_without_any_server_mail_waits() -> None:
    def tell(ways: OwnWays) -> None:
        ways.lay_down([own(7, "uno")])
        assert lanes(ways, 7, sandbox=True) == [("mailbox", ALL_SIGNED)]
        assert lanes(ways, 7, "webhook", sandbox=True) == [("mailbox", ALL_SIGNED)]
        assert lanes(ways, 9) == [("no server", ALL_SIGNED)]

    story(Settings(), tell)


def test_an_unchanged_provider_keeps_its_connections_and_one_that_cannot_be_used_is_left_out() -> None:
    def tell(ways: OwnWays) -> None:
        ways.lay_down([own(7, "uno"), own(7, "roto", settings={"host": "two words"})])
        [first] = ways(programme(7), "email")
        ways.lay_down([own(7, "uno")])
        [again] = ways(programme(7), "email")
        assert again.provider is first.provider
        ways.lay_down([own(7, "uno", changed_at=2)])
        [changed] = ways(programme(7), "email")
        assert changed.provider is not first.provider

    story(Settings(smtp_password=SecretStr("x")), tell)
