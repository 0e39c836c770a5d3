"""The examples that people copy are those that the product ships, and they can be applied as they stand."""

from __future__ import annotations

import asyncio
import secrets

from the_code import ROOT, SOURCE

from oportuno.adapters.memory import MemoryWorld
from oportuno.adapters.memory.workspaces import MemoryWorkspaces
from oportuno.adapters.mjml import Mrml
from oportuno.entry.cli_workspace import read_folder
from oportuno.flows.apply import apply
from oportuno.flows.open_workspace import open_workspace

EXAMPLE = ROOT / "examples" / "tienda-norte"


def test_the_examples_journeys_and_messages_are_the_plays_that_are_shipped():
    plays = sorted(path.name for path in (SOURCE / "plays").glob("*.yaml"))
    assert plays == sorted(path.name for path in (EXAMPLE / "journeys").glob("*.yaml"))
    for name in plays:
        assert (EXAMPLE / "journeys" / name).read_text() == (SOURCE / "plays" / name).read_text()
        assert (EXAMPLE / "messages" / name).read_text() == (SOURCE / "plays/messages" / name).read_text()


def test_the_example_can_be_applied_as_it_stands():
    async def story():
        world = MemoryWorld()
        workspaces = MemoryWorkspaces(world)
        opened = await open_workspace(
            "Tienda Norte", timezone="Europe/Madrid", locale="es-ES", sandbox=True, workspaces=workspaces, chance=secrets.token_bytes
        )
        number = opened.workspace.workspace
        done = await apply(read_folder(EXAMPLE), workspace=number, workspaces=workspaces, compiler=Mrml())
        assert len(done.published) == 2 * len(list((SOURCE / "plays").glob("*.yaml"))) + 1
        programme = await world.programmes.programme(number)
        assert (programme.policy.timezone, programme.policy.languages, programme.policy.sandbox) == ("Europe/Madrid", ("es", "en"), True)
        assert programme.brand.sender

    asyncio.run(story())
