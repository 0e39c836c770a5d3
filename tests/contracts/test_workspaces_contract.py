"""The contract of workspaces, their keys and definitions, told on each adapter."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import asynccontextmanager

import pytest

from oportuno.adapters.memory import MemoryWorld
from oportuno.adapters.memory.workspaces import MemoryWorkspaces
from oportuno.adapters.postgres.connections import CHANGING, Connections
from oportuno.adapters.postgres.workspaces import PostgresKeys, PostgresProgrammes, PostgresWorkspaces
from oportuno.flows.definitions import Definition, Kind
from oportuno.flows.open_workspace import open_workspace
from oportuno.kit.faults import BadInput, Conflict, NotFound


@asynccontextmanager
async def _memory(_url):
    world = MemoryWorld()
    yield MemoryWorkspaces(world), world.keys, world.programmes


@asynccontextmanager
async def _postgres(url):
    connections = Connections(url, name="contract", plans=CHANGING)
    workspaces = PostgresWorkspaces(connections)
    yield workspaces, PostgresKeys(connections), PostgresProgrammes(workspaces)
    await connections.close()


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.postgres)])
def tell(request):
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else ""

    def teller(story):
        async def whole():
            async with (_postgres if url else _memory)(url) as outside:
                await story(*outside)

        asyncio.run(asyncio.wait_for(whole(), 60))

    return teller


async def _open(workspaces, **given):
    facts = {"timezone": "Europe/Madrid", "locale": "es-ES", "sandbox": False} | given
    return await open_workspace("Tienda Norte", **facts, workspaces=workspaces, chance=secrets.token_bytes)


def test_a_workspace_opened_a_moment_ago_has_its_programme_at_once(tell):
    async def story(workspaces, _keys, programmes):
        await programmes.all()
        made = (await _open(workspaces)).workspace
        assert (await programmes.programme(made.workspace)).workspace == made.workspace

    tell(story)


def test_a_new_workspace_is_found_by_its_number_and_by_its_name_for_people(tell):
    async def story(workspaces, _keys, programmes):
        made = (await _open(workspaces)).workspace
        assert await workspaces.workspace(made.workspace) == made == await workspaces.named(made.public_id)
        assert made in await workspaces.every()
        programme = await programmes.programme(made.workspace)
        assert (programme.policy.timezone, programme.policy.country, programme.policy.languages) == ("Europe/Madrid", "ES", ("es", "en"))
        assert programme.brand.name == "Tienda Norte"

    tell(story)


def test_a_workspace_that_does_not_exist_is_named_as_such(tell):
    async def story(workspaces, _keys, programmes):
        for asking in (workspaces.workspace(999_999), workspaces.named("ws_nobody"), programmes.programme(999_999)):
            with pytest.raises(NotFound, match="no such workspace"):
                await asking

    tell(story)


def test_each_key_says_whose_it_is_and_what_it_may_and_a_wrong_one_says_nothing(tell):
    async def story(workspaces, keys, _programmes):
        opened = await _open(workspaces, sandbox=True)
        writing, secret = await keys.look_up(opened.write_key), await keys.look_up(opened.secret_key)
        assert (writing.workspace, writing.secret, writing.sandbox) == (opened.workspace.workspace, False, True)
        assert (secret.workspace, secret.secret, secret.sandbox) == (opened.workspace.workspace, True, True)
        assert writing.key_id != secret.key_id
        for wrong in ("", "wk_", opened.secret_key[:-1], opened.write_key.upper(), "clave ñ", "\ud800"):
            assert await keys.look_up(wrong) is None

    tell(story)


def test_a_sandbox_stays_one_whatever_its_policy_says(tell):
    async def story(workspaces, _keys, programmes):
        made = (await _open(workspaces, sandbox=True)).workspace
        assert (await programmes.programme(made.workspace)).policy.sandbox

    tell(story)


def test_published_versions_stay_and_the_workspace_counts_on(tell):
    async def story(workspaces, _keys, _programmes):
        made = (await _open(workspaces)).workspace
        first = Definition(kind=Kind.POLICY, key="policy", version=1, source="policy: {}", compiled=_ground(made))
        second = Definition(kind=Kind.POLICY, key="policy", version=2, source="policy: {quiet: none}", compiled=_ground(made))
        assert await workspaces.publish(made.workspace, [first], base_version=1) == 2
        assert await workspaces.publish(made.workspace, [second], base_version=2) == 3
        assert await workspaces.definitions(made.workspace) == [first, second]
        assert (await workspaces.workspace(made.workspace)).version == 3

    tell(story)


def test_of_two_who_publish_at_once_one_is_told_to_look_again(tell):
    async def story(workspaces, _keys, _programmes):
        made = (await _open(workspaces)).workspace
        mine = Definition(kind=Kind.POLICY, key="policy", version=1, source="mine", compiled=_ground(made))
        theirs = Definition(kind=Kind.POLICY, key="policy", version=1, source="theirs", compiled=_ground(made))
        await workspaces.publish(made.workspace, [mine], base_version=1)
        with pytest.raises(Conflict) as told:
            await workspaces.publish(made.workspace, [theirs], base_version=1)
        assert told.value.code == "definitions_moved"
        assert await workspaces.definitions(made.workspace) == [mine]

    tell(story)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"timezone": "Europe/Mordor"}, "timezone_unknown"),
        ({"timezone": "../etc/passwd"}, "timezone_unknown"),
        ({"locale": "spanish"}, "locale_unknown"),
        ({"locale": "es_ES"}, "locale_unknown"),
    ],
)
def test_a_zone_or_locale_that_does_not_exist_is_refused(tell, given, code):
    async def story(workspaces, _keys, _programmes):
        with pytest.raises(BadInput) as told:
            await _open(workspaces, **given)
        assert told.value.code == code

    tell(story)


def _ground(made) -> bytes:
    import msgspec

    from oportuno.flows.definitions import ground_of

    return msgspec.msgpack.encode(ground_of(made))
