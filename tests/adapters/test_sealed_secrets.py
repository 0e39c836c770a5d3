"""What a copy of the database does not tell: secrets open with their key, at their own place, and nowhere else."""

from __future__ import annotations

import asyncio
import base64
import stat
from pathlib import Path

import msgspec
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from typer.testing import CliRunner

from oportuno.adapters.sealing import Sealer, add_key, is_sealed, keys_in, read_keys
from oportuno.entry.cli import app
from oportuno.flows.hooks import Hook, Platform
from oportuno.flows.identity import Algorithm
from oportuno.flows.mail_hooks import MailHook, MailTeller
from oportuno.flows.open_workspace import hash_key
from oportuno.flows.providers import OwnProvider
from oportuno.kit.faults import BadInput, Unavailable
from oportuno.settings import Settings
from oportuno.wiring import front
from oportuno.wiring.sealing import reseal, sealer_of

OLD, NEW = b"o" * 32, b"n" * 32


@given(st.binary(min_size=8, max_size=200), st.text(max_size=40))
def test_a_secret_opens_at_its_place_and_stands_nowhere_in_what_is_stored(secret: bytes, place: str) -> None:
    sealer = Sealer(lambda: [NEW])
    stored = sealer.seal(secret, place=place)
    assert sealer.open(stored, place=place) == secret
    assert secret not in stored
    assert sealer.seal(secret, place=place) != stored


def test_another_row_s_secret_a_changed_one_and_one_of_an_unknown_key_are_refused_by_name() -> None:
    sealer = Sealer(lambda: [NEW])
    stored = sealer.seal(b"shhh", place="hooks/7/hook_a")
    changed = stored[:-1] + bytes([stored[-1] ^ 1])
    for what, place, code in (
        (stored, "hooks/8/hook_a", "secret_not_opened"),
        (changed, "hooks/7/hook_a", "secret_not_opened"),
        (Sealer(lambda: [OLD]).seal(b"shhh", place="hooks/7/hook_a"), "hooks/7/hook_a", "sealing_key_unknown"),
    ):
        with pytest.raises(Unavailable) as refused:
            sealer.open(what, place=place)
        assert refused.value.code == code
        assert "shhh" not in str(refused.value)


def test_what_was_stored_before_there_were_keys_is_read_as_it_stands_and_asks_for_no_key() -> None:
    def read() -> list[bytes]:
        raise AssertionError("no key was needed")

    assert Sealer(read).open(b"whsec_plain", place="hooks/7/hook_a") == b"whsec_plain"


def test_with_a_new_key_the_old_one_still_opens_what_it_sealed_and_a_running_process_finds_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "sealing.key"
    running = Sealer(lambda: keys_in(path, make=True))
    before = running.seal(b"shhh", place="a")
    add_key(path)
    anew = Sealer(lambda: keys_in(path, make=False))
    assert anew.open(before, place="a") == b"shhh"
    assert not anew.is_current(before)
    after = anew.seal(b"shhh", place="a")
    assert running.open(after, place="a") == b"shhh"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["sealing.key"]


def test_of_two_first_starts_the_first_one_s_key_stays(tmp_path: Path) -> None:
    path = tmp_path / "sealing.key"
    assert keys_in(path, make=True) == keys_in(path, make=True)


@pytest.mark.parametrize("text", ["", "short", base64.b64encode(b"x" * 31).decode(), "ñ"])
def test_a_key_that_is_none_is_refused_before_anything_is_sealed_with_it(text: str) -> None:
    with pytest.raises(BadInput) as refused:
        Sealer(lambda: read_keys(text)).seal(b"shhh", place="a")
    assert refused.value.code == "sealing_key_unfit"


@pytest.mark.postgres
def test_secrets_lie_sealed_in_the_database_and_are_sealed_anew_with_a_new_key(postgres_url: str, tmp_path: Path) -> None:
    settings = Settings(database_url=SecretStr(postgres_url), data_dir=tmp_path)

    async def story() -> None:
        async with front(settings) as norte:
            await norte.signings.set_signing(1, Algorithm.HS256, b"a shared secret of the shop")
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute(
                "INSERT INTO hooks (workspace, id, platform, name, secret, made_at) VALUES (1, 'hook_old', 'shopify', 'Tienda', 'plain', 1)"
            )
        done = await reseal(settings, new_key=True)
        assert (done["hooks"], done["signings"]) == (1, 1)
        assert (await reseal(settings, new_key=False))["hooks"] == 0
        async with front(settings) as norte:
            hook = await norte.hooks.hook("hook_old")
            assert hook is not None
            assert hook.secret == b"plain"

    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO workspaces (workspace, public_id, name, timezone, locale) OVERRIDING SYSTEM VALUE"
            " VALUES (1, 'ws_1', 'Tienda Norte', 'UTC', 'es') ON CONFLICT DO NOTHING"
        )
    asyncio.run(asyncio.wait_for(story(), 120))
    with psycopg.connect(postgres_url) as connection:
        stored = [bytes(row[0]) for row in connection.execute("SELECT secret FROM hooks UNION ALL SELECT key FROM signings").fetchall()]
    assert len(stored) == 2
    assert all(is_sealed(each) for each in stored)
    assert all(sealer_of(settings).is_current(each) for each in stored)
    said = CliRunner().invoke(app, ["reseal"], env={"DATABASE_URL": postgres_url, "OPORTUNO_DATA_DIR": str(tmp_path)})
    assert (said.exit_code, said.stdout.strip()) == (0, "0 of hooks, 0 of mail_hooks, 0 of providers, 0 of signings")


@pytest.mark.postgres
def test_when_the_key_is_lost_what_it_sealed_is_still_listed_and_told_anew_and_secret_keys_still_open_the_door(
    postgres_url: str, tmp_path: Path
) -> None:
    before, after = (Settings(database_url=SecretStr(postgres_url), data_dir=tmp_path / name) for name in ("before", "after"))
    own = OwnProvider(workspace=3, id="prov_lost", place=1, kind="smtp", name="Ours", secrets={"password": "hunter2-hunter2"})
    hook = Hook(workspace=3, id="hook_lost", platform=Platform.SHOPIFY, name="Tienda", secret=b"s" * 32)
    told = MailHook(workspace=3, id="hook_told", provider=MailTeller.POSTMARK, name="Correo", secret=b"p" * 32)
    topic = MailHook(workspace=3, id="hook_topic", provider=MailTeller.SES, name="Avisos", topic="arn:aws:sns:eu-west-1:1:avisos")

    async def story() -> None:
        async with front(before) as norte:
            await norte.signings.set_signing(3, Algorithm.HS256, b"a shared secret of the shop, long")
            await norte.providers.put(own)
            await norte.hooks.put(hook)
            for each in (told, topic):
                await norte.mail_hooks.put(each)
        async with front(after) as norte:
            [listed] = await norte.providers.of(3)
            assert (listed.id, listed.secrets, listed.secrets_lost) == ("prov_lost", {}, True)
            assert await norte.providers.every() == []
            assert [(each.id, each.secret, each.secret_lost) for each in await norte.hooks.of(3)] == [("hook_lost", b"", True)]
            assert [(each.id, each.secret_lost) for each in await norte.mail_hooks.of(3)] == [("hook_told", True), ("hook_topic", False)]
            for asked in (norte.hooks.hook("hook_lost"), norte.mail_hooks.hook("hook_told"), norte.keys.look_up("wk_three")):
                with pytest.raises(Unavailable) as refused:
                    await asked
                assert refused.value.code == "sealing_key_unknown"
            facts = await norte.keys.look_up("sk_three")
            assert facts is not None
            assert (facts.workspace, facts.signing) == (3, None)
            await norte.providers.put(msgspec.structs.replace(own, secrets_lost=False))
            [anew] = await norte.providers.every()
            assert (anew.secrets, anew.secrets_lost) == ({"password": "hunter2-hunter2"}, False)

    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO workspaces (workspace, public_id, name, timezone, locale) OVERRIDING SYSTEM VALUE"
            " VALUES (3, 'ws_3', 'Tienda Norte', 'UTC', 'es') ON CONFLICT DO NOTHING"
        )
        for key, secret in (("wk_three", False), ("sk_three", True)):
            connection.execute(
                "INSERT INTO keys (hash, key_id, workspace, secret) VALUES (%s, %s, 3, %s)", (hash_key(key), key[:4], secret)
            )
    asyncio.run(asyncio.wait_for(story(), 120))
