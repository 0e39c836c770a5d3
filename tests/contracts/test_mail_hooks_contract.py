"""The contract of the addresses at which mail providers post, told on each adapter."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import msgspec
from contract_world import told_on_each

from oportuno.adapters.memory import MemoryWorld
from oportuno.adapters.postgres.connections import CHANGING, Connections
from oportuno.adapters.postgres.mail_hooks import PostgresMailHooks
from oportuno.adapters.sealing import Sealer
from oportuno.flows.mail_hooks import MailHook, MailTeller

FIRST, SECOND = "arn:aws:sns:eu-west-1:123456789012:mail", "arn:aws:sns:eu-west-1:210987654321:mail"


class Outside(NamedTuple):
    hooks: Any
    workspace: int


@asynccontextmanager
async def _memory():
    yield (Outside(MemoryWorld().mail_hooks, 7),)


@asynccontextmanager
async def _postgres(url):
    connections = Connections(url, name="contract", most=4, plans=CHANGING)
    yield (Outside(PostgresMailHooks(connections, Sealer(lambda: [b"k" * 32])), 1 + secrets.randbelow(2**30)),)
    await connections.close()


tell = told_on_each(_memory, _postgres)


def hook(workspace: int, word: str = "hook_1", **changes) -> MailHook:
    made = MailHook(workspace=workspace, id=f"{word}_{workspace}", provider=MailTeller.MAILGUN, name="Correo", secret=b"\x00hush")
    return msgspec.structs.replace(made, **changes)


def test_an_address_of_a_mail_provider_is_found_by_its_name_and_belongs_to_its_workspace(tell):
    async def story(outside):
        hooks, norte, other = outside.hooks, outside.workspace, outside.workspace + 1
        first = await hooks.put(hook(norte))
        second = await hooks.put(hook(norte, "hook_2", provider=MailTeller.SES, secret=b"", topic=FIRST))
        assert await hooks.hook(first.id) == first
        assert (first.secret, first.last_at, first.made_at > 0, second.topic) == (b"\x00hush", None, True, FIRST)
        assert [each.id for each in await hooks.of(norte)] == [first.id, second.id]
        assert await hooks.of(other) == []
        assert not await hooks.drop(other, first.id)
        assert await hooks.drop(norte, first.id)
        assert not await hooks.drop(norte, first.id)
        assert await hooks.hook(first.id) is None

    tell(story)


def test_an_address_of_a_mail_provider_that_is_changed_stays_where_it_was(tell):
    async def story(outside):
        hooks, norte = outside.hooks, outside.workspace
        first = await hooks.put(hook(norte))
        await hooks.heard(first.id)
        heard = (await hooks.hook(first.id)).last_at
        changed = await hooks.put(hook(norte, secret=b"new", name="Otra"))
        assert (changed.made_at, changed.last_at, changed.secret, changed.name) == (first.made_at, heard, b"new", "Otra")
        assert heard is not None
        await hooks.heard(first.id)
        assert (await hooks.hook(first.id)).last_at == heard

    tell(story)


def test_of_two_topics_that_ask_at_once_one_may_post(tell):
    async def story(outside):
        hooks, norte = outside.hooks, outside.workspace
        first = await hooks.put(hook(norte, provider=MailTeller.SES, secret=b""))
        won = await asyncio.gather(hooks.pin(first.id, FIRST), hooks.pin(first.id, SECOND))
        assert sorted(won) == [False, True]
        kept = (await hooks.hook(first.id)).topic
        assert kept == (FIRST if won[0] else SECOND)
        assert await hooks.pin(first.id, kept)
        assert not await hooks.pin("hook_of_nobody", FIRST)

    tell(story)


def test_a_token_is_good_for_one_body_and_again_for_the_same(tell):
    async def story(outside):
        hooks, name = outside.hooks, f"hook_{outside.workspace}"
        assert await hooks.first_use(name, b"token", b"body")
        assert await hooks.first_use(name, b"token", b"body")
        assert not await hooks.first_use(name, b"token", b"other")
        assert await hooks.first_use(name, b"another", b"other")
        assert await hooks.first_use(f"{name}_2", b"token", b"other")
        at_once = await asyncio.gather(*(hooks.first_use(name, b"third", bytes([number])) for number in range(4)))
        assert sum(at_once) == 1

    tell(story)
