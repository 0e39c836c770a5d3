"""The providers of workspaces, on both stores: in their order, whole, and each workspace's own."""

from __future__ import annotations

import secrets
from contextlib import asynccontextmanager

from contract_world import told_on_each

from oportuno.adapters.memory import MemoryWorld
from oportuno.adapters.postgres.connections import CHANGING, Connections
from oportuno.adapters.postgres.providers import PostgresProviders
from oportuno.adapters.sealing import Sealer
from oportuno.flows.providers import OwnProvider


@asynccontextmanager
async def _memory():
    yield MemoryWorld().providers, 1 + secrets.randbelow(2**30)


@asynccontextmanager
async def _postgres(url):
    connections = Connections(url, name="contract", plans=CHANGING)
    yield PostgresProviders(connections, Sealer(lambda: [b"k" * 32])), 1 + secrets.randbelow(2**30)
    await connections.close()


tell = told_on_each(_memory, _postgres)


def smtp(workspace: int, **more) -> OwnProvider:
    given = {
        "id": f"prov_{secrets.token_hex(6)}",
        "place": 100,
        "kind": "smtp",
        "name": "Ours",
        "settings": {"host": "mail.example"},
        **more,
    }
    return OwnProvider(workspace=workspace, **given)


def test_providers_are_given_in_their_order_with_their_secrets_and_to_their_workspace_alone(tell):
    async def story(providers, workspace):
        late = await providers.put(smtp(workspace, secrets={"password": "hunter2"}, signs="tiendanorte.example"))
        early = await providers.put(smtp(workspace, place=1))
        other = await providers.put(smtp(workspace + 1))
        assert await providers.of(workspace) == [early, late]
        assert late.secrets == {"password": "hunter2"}
        assert late.lane == f"smtp {late.id}"
        assert [each for each in await providers.every() if each.workspace in (workspace, workspace + 1)] == [early, late, other]
        assert not await providers.drop(workspace + 1, late.id)
        assert await providers.drop(workspace, late.id)
        assert await providers.of(workspace) == [early]

    tell(story)


def test_a_change_is_noticed_by_its_moment_and_another_workspace_changes_nothing(tell):
    async def story(providers, workspace):
        made = await providers.put(smtp(workspace))
        changed = await providers.put(smtp(workspace, id=made.id, name="Theirs"))
        assert (changed.name, changed.made_at) == ("Theirs", made.made_at)
        assert changed.changed_at > made.changed_at
        await providers.put(smtp(workspace + 1, id=made.id, name="Stolen"))
        assert [each.name for each in await providers.of(workspace)] == ["Theirs"]

    tell(story)
