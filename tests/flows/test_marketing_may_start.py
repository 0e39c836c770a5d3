"""Marketing by e-mail is not laid down where every message of it would fall silent for want of a signature in the sender's name."""

from __future__ import annotations

import asyncio
import secrets
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oportuno.adapters.memory import MemoryWorld
from oportuno.adapters.memory.workspaces import MemoryWorkspaces
from oportuno.adapters.mjml import Mrml
from oportuno.channels.ways import ALL_SIGNED
from oportuno.consent.house_rules import held_by_house_rules
from oportuno.flows.apply import SeveralFaults, apply
from oportuno.flows.may_start import broken_rule
from oportuno.flows.open_workspace import open_workspace
from oportuno.flows.programme import Brand

_PLAYS = files("oportuno").joinpath("plays")
CART = {
    "journeys/abandoned-cart.yaml": _PLAYS.joinpath("abandoned-cart.yaml").read_text(encoding="utf-8"),
    "messages/abandoned-cart.yaml": _PLAYS.joinpath("messages", "abandoned-cart.yaml").read_text(encoding="utf-8"),
}
POLICY = """\
policy:
  quiet: none
brand:
  name: Tienda Norte
  legal: Tienda Norte, calle del Muelle 3, 39004 Santander
  sender: hola@tiendanorte.example
"""


def laid_down(*steps, sandbox: bool = False) -> list[tuple[str, str]]:
    """Lay files down one after the other, each with the ways of that moment; gives (code, place) of the first refusal, or nothing."""

    async def story() -> list[tuple[str, str]]:
        workspaces = MemoryWorkspaces(MemoryWorld())
        opened = await open_workspace(
            "Tienda Norte", timezone="Europe/Madrid", locale="es-ES", sandbox=sandbox, workspaces=workspaces, chance=secrets.token_bytes
        )
        for given_files, signs in steps:
            try:
                await apply(given_files, workspace=opened.workspace.workspace, workspaces=workspaces, compiler=Mrml(), signs=signs)
            except SeveralFaults as refused:
                return [(fault.code, fault.place) for fault in refused.faults]
        return []

    return asyncio.run(asyncio.wait_for(story(), 60))


@pytest.mark.parametrize(
    ("signs", "code"),
    [
        (["", ""], "mail_unsigned"),
        (["sendgrid.example"], "sender_unaligned"),
        (["sendgrid.example", "tiendanorte.example"], ""),
        (["correo.tiendanorte.example"], ""),
        ([ALL_SIGNED], ""),
        ([], ""),
    ],
)
def test_a_play_that_promotes_is_refused_by_name_and_place_while_its_mail_would_not_be_signed(signs, code) -> None:
    refused = laid_down(({**CART, "policy.yaml": POLICY}, signs))
    assert refused == ([(code, "policy.yaml:6")] if code else [])


def test_a_play_that_comes_after_its_policy_is_refused_at_its_steps() -> None:
    [(code, place)] = laid_down(({"policy.yaml": POLICY}, [""]), (CART, [""]))
    assert (code, place.rpartition(":")[0]) == ("mail_unsigned", "journeys/abandoned-cart.yaml")


def test_a_sandbox_and_a_shop_that_has_no_sender_yet_lay_down_what_they_like() -> None:
    assert laid_down(({**CART, "policy.yaml": POLICY}, ["other.example"]), sandbox=True) == []
    assert laid_down((CART, ["other.example"])) == []


@given(
    legal=st.sampled_from(["", "Tienda Norte", "Tienda Norte, calle del Muelle 3, 39004 Santander"]),
    sender=st.sampled_from(["hola@tiendanorte.example", "hola@correo.tiendanorte.example", "hola@otra.example"]),
    signs=st.lists(st.sampled_from(["", "tiendanorte.example", "otra.example", ALL_SIGNED]), min_size=1),
)
def test_what_is_refused_where_it_is_laid_down_is_what_the_claim_would_silence(legal, sender, signs) -> None:
    broken = broken_rule(Brand(name="Tienda Norte", legal=legal, sender=sender), signs, sandbox=False)
    held = held_by_house_rules(legal=legal, sender=sender, signs=signs)
    assert (broken.reason if broken else None) == held
