"""Marketing by e-mail is not laid down for a shop that does not say where it is."""

from __future__ import annotations

import asyncio
import secrets
from importlib.resources import files

import pytest

from oportuno.adapters.memory import MemoryWorld
from oportuno.adapters.memory.workspaces import MemoryWorkspaces
from oportuno.adapters.mjml import Mrml
from oportuno.flows.apply import SeveralFaults, apply
from oportuno.flows.open_workspace import open_workspace

_PLAYS = files("oportuno").joinpath("plays")
CART = {
    "journeys/abandoned-cart.yaml": _PLAYS.joinpath("abandoned-cart.yaml").read_text(encoding="utf-8"),
    "messages/abandoned-cart.yaml": _PLAYS.joinpath("messages", "abandoned-cart.yaml").read_text(encoding="utf-8"),
}
NOWHERE = "policy:\n  quiet: none\nbrand:\n  name: Tienda Norte\n  sender: hola@tiendanorte.example\n"
SOMEWHERE = f"{NOWHERE}  legal: Tienda Norte, calle del Muelle 3, 39004 Santander\n"


def tell(story) -> None:
    async def whole() -> None:
        workspaces = MemoryWorkspaces(MemoryWorld())
        opened = await open_workspace(
            "Tienda Norte", timezone="Europe/Madrid", locale="es-ES", sandbox=False, workspaces=workspaces, chance=secrets.token_bytes
        )

        async def lay_down(files) -> None:
            await apply(files, workspace=opened.workspace.workspace, workspaces=workspaces, compiler=Mrml())

        await story(lay_down)

    asyncio.run(asyncio.wait_for(whole(), 60))


@pytest.mark.parametrize("before", [{}, CART, {"policy.yaml": NOWHERE}], ids=["all at once", "the play first", "the policy first"])
def test_a_play_that_promotes_by_e_mail_needs_an_address_in_whatever_order_it_comes(before) -> None:
    async def story(lay_down) -> None:
        if before:
            await lay_down(before)
        with pytest.raises(SeveralFaults) as refused:
            await lay_down({**CART, "policy.yaml": NOWHERE} if before != {"policy.yaml": NOWHERE} else CART)
        [fault] = refused.value.faults
        assert fault.code == "postal_address_missing"
        assert fault.place.startswith("journeys/" if before == {"policy.yaml": NOWHERE} else "policy.yaml:")
        await lay_down({**CART, "policy.yaml": SOMEWHERE})

    tell(story)


def test_without_anything_that_promotes_by_e_mail_a_policy_needs_none() -> None:
    async def story(lay_down) -> None:
        await lay_down({"policy.yaml": NOWHERE})

    tell(story)
