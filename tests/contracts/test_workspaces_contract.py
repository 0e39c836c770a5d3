"""The contract of workspaces, their keys and definitions, told on each adapter."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import asynccontextmanager

import msgspec
import pytest
from contract_world import told_on_each

from oportuno.adapters.memory import MemoryWorld
from oportuno.adapters.memory.workspaces import MemoryWorkspaces
from oportuno.adapters.mjml import Mrml
from oportuno.adapters.postgres.connections import CHANGING, Connections
from oportuno.adapters.postgres.workspaces import PostgresKeys, PostgresProgrammes, PostgresWorkspaces
from oportuno.adapters.sealing import Sealer
from oportuno.adapters.system_clock import SystemClock
from oportuno.flows.apply import apply
from oportuno.flows.definitions import Definition, Kind, ground_of
from oportuno.flows.open_workspace import open_workspace
from oportuno.flows.programme import ProgrammeUnreadable
from oportuno.kit.faults import BadInput, Conflict, NotFound

POLICY = "policy:\n  quiet: none\nbrand:\n  name: Tienda Norte\n  shop_url: https://norte.example\n"
JOURNEY = """journey: hello
trigger: [Product Added]
steps:
  - {id: say, send: hello, channel: email, because: event_seen, expires: 1h}
"""
MESSAGE = "message: hello\nchannel: email\nwordings:\n  es: {subject: Hola, mjml: <mj-text>Hola</mj-text>}\n"


@asynccontextmanager
async def _memory():
    world = MemoryWorld()
    yield MemoryWorkspaces(world), world.keys, world.programmes


@asynccontextmanager
async def _postgres(url):
    connections = Connections(url, name="contract", plans=CHANGING)
    workspaces = PostgresWorkspaces(connections)
    yield workspaces, PostgresKeys(connections, Sealer(lambda: [b"k" * 32])), PostgresProgrammes(workspaces)
    await connections.close()


tell = told_on_each(_memory, _postgres)


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


def test_a_workspace_whose_definition_cannot_be_read_falls_silent_alone_until_it_is_mended(tell):
    async def story(workspaces, _keys, programmes):
        norte, sur = (await _open(workspaces)).workspace, (await _open(workspaces)).workspace
        assert (await programmes.programme(norte.workspace)).version == 1
        newer = Definition(kind=Kind.POLICY, key="policy", version=1, source="from a release to come", compiled=b"\xc1")
        await workspaces.publish(norte.workspace, [newer], base_version=1)
        programmes._checked = float("-inf")
        for _ in range(2):
            with pytest.raises(ProgrammeUnreadable):
                await programmes.programme(norte.workspace)
        assert (await programmes.programme(sur.workspace)).workspace == sur.workspace
        assert norte.workspace not in await programmes.all()
        mended = Definition(kind=Kind.POLICY, key="policy", version=2, source="ours again", compiled=_ground(norte))
        await workspaces.publish(norte.workspace, [mended], base_version=2)
        programmes._checked = float("-inf")
        assert (await programmes.programme(norte.workspace)).version == 3

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
    return msgspec.msgpack.encode(ground_of(made))


# ── Programmes ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def _in_force(programmes, workspace, version):
    """Ask until the version is in force: what was published may take a second to be read."""
    while (found := await programmes.programme(workspace)).version < version:
        await SystemClock().sleep(0.02)
    return found


def test_what_is_published_comes_into_force_whole_where_the_programme_was_read_before(tell):
    async def story(workspaces, _keys, programmes):
        made = (await _open(workspaces)).workspace
        assert (await programmes.programme(made.workspace)).journeys == ()
        folder = {"policy.yaml": POLICY, "journeys/hello.yaml": JOURNEY, "messages/hello.yaml": MESSAGE}
        done = await apply(folder, workspace=made.workspace, workspaces=workspaces, compiler=Mrml())
        programme = await _in_force(programmes, made.workspace, done.version)
        assert (programme.workspace, programme.public_id, programme.version) == (made.workspace, made.public_id, 2)
        assert [(journey.key, journey.version, journey.active) for journey in programme.journeys] == [("hello", 1, True)]
        assert list(programme.templates) == ["hello"]
        assert (programme.policy.quiet, programme.brand.shop_url) == ((0, 0), "https://norte.example")

    tell(story)


def test_only_the_newest_version_of_a_journey_may_start_and_older_ones_stay_for_walks_under_way(tell):
    async def story(workspaces, _keys, programmes):
        made = (await _open(workspaces)).workspace
        files = {"journeys/hello.yaml": JOURNEY, "messages/hello.yaml": MESSAGE}
        await apply(files, workspace=made.workspace, workspaces=workspaces, compiler=Mrml())
        newer = {"journeys/hello.yaml": JOURNEY + "version: 2\n", "messages/hello.yaml": MESSAGE.replace("Hola", "Hola otra vez")}
        done = await apply(newer, workspace=made.workspace, workspaces=workspaces, compiler=Mrml())
        programme = await _in_force(programmes, made.workspace, done.version)
        assert sorted((journey.version, journey.active) for journey in programme.journeys) == [(1, False), (2, True)]
        assert (programme.templates["hello"].version, programme.templates["hello"].wordings["es"].subject) == (2, "Hola otra vez")

    tell(story)


def test_every_workspace_has_its_own_programme_and_nobody_can_change_one(tell):
    async def story(workspaces, _keys, programmes):
        norte, sur = (await _open(workspaces)).workspace, (await _open(workspaces)).workspace
        done = await apply({"policy.yaml": POLICY}, workspace=norte.workspace, workspaces=workspaces, compiler=Mrml())
        await _in_force(programmes, norte.workspace, done.version)
        every = await programmes.all()
        assert (every[norte.workspace].policy.quiet, every[sur.workspace].version) == ((0, 0), 1)
        assert every[sur.workspace].policy.quiet != (0, 0)
        with pytest.raises(TypeError):
            every[sur.workspace] = every[norte.workspace]
        with pytest.raises(AttributeError):
            every[sur.workspace].version = 9

    tell(story)


def test_twelve_who_ask_at_once_are_given_the_same_programme(tell):
    async def story(workspaces, _keys, programmes):
        made = (await _open(workspaces)).workspace
        given = await asyncio.gather(*(programmes.programme(made.workspace) for _ in range(12)))
        assert all(each is given[0] for each in given)

    tell(story)


def test_a_workspace_that_does_not_exist_stays_unknown_and_costs_the_others_nothing(tell):
    async def story(workspaces, _keys, programmes):
        made = (await _open(workspaces)).workspace
        for _ in range(3):
            with pytest.raises(NotFound) as told:
                await programmes.programme(999_999)
            assert told.value.code == "workspace_unknown"
        assert (await programmes.programme(made.workspace)).workspace == made.workspace
        assert 999_999 not in await programmes.all()

    tell(story)
