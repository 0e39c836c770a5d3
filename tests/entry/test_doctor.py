"""The check-up says what is wrong, each thing whatever became of the others, and calls nothing wrong that nobody could ask."""

from __future__ import annotations

import asyncio
import base64
import secrets
import socket
from pathlib import Path

import msgspec
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from pydantic import SecretStr

from oportuno import wiring
from oportuno.adapters.mjml import Mrml
from oportuno.adapters.postgres.checkup import Checkup
from oportuno.adapters.smtp.dkim_public import public_key_of
from oportuno.adapters.smtp.greeting import greets
from oportuno.entry.doctor.finding import State, of_database, of_settings
from oportuno.entry.doctor.look import examine, of_domain
from oportuno.flows.apply import apply
from oportuno.flows.open_workspace import open_workspace
from oportuno.settings import Settings

WELL = Checkup(version=180_001, schema="0005", newest="0005", unfinished=False, engines=2)


def states(seen: Checkup, *, disk_used: float | None = 0.3) -> dict[str, State]:
    return {each.about: each.state for each in of_database(seen, disk_used=disk_used, ceiling=0.9)}


def test_an_installation_that_is_well_has_nothing_wrong() -> None:
    assert set(states(WELL).values()) == {State.OK}


@pytest.mark.parametrize(
    ("more", "about", "state"),
    [
        ({"version": 150_004}, "database", State.FAILURE),
        ({"schema": "0004"}, "schema", State.FAILURE),
        ({"schema": ""}, "schema", State.FAILURE),
        ({"unfinished": True}, "restore", State.FAILURE),
        ({"clock_off": 3.0}, "clock", State.WARNING),
        ({"clock_off": -60.0}, "clock", State.FAILURE),
        ({"unindexed": ("reading the log",)}, "plans", State.FAILURE),
        ({"invalid_indexes": 1}, "plans", State.FAILURE),
        ({"engines": 0}, "engines", State.WARNING),
        ({"unread_age": 20.0}, "events", State.OK),
        ({"unread_age": 120.0}, "events", State.WARNING),
        ({"timer_age": 900.0}, "timers", State.FAILURE),
        ({"message_age": 900.0}, "messages", State.FAILURE),
        ({"set_aside": 3}, "set aside", State.WARNING),
        ({"tomorrow": False}, "partitions", State.FAILURE),
        ({"forgetting_late": 1}, "erasures", State.FAILURE),
    ],
)
def test_each_thing_that_is_wrong_is_named_and_nothing_else(more: dict[str, object], about: str, state: State) -> None:
    found = states(msgspec.structs.replace(WELL, **more))
    assert found.pop(about) is state
    assert set(found.values()) <= {State.OK}


@pytest.mark.parametrize(("used", "state"), [(None, State.NOT_ASKED), (0.5, State.OK), (0.85, State.WARNING), (0.93, State.FAILURE)])
def test_the_disk(used: float | None, state: State) -> None:
    assert states(WELL, disk_used=used)["disk"] is state


@pytest.mark.parametrize(
    ("given", "word", "state"),
    [
        ({"dkim_domain": "norte.example"}, "DKIM_KEY_FILE", State.FAILURE),
        ({"dkim_key_file": Path("key.pem")}, "DKIM_DOMAIN", State.WARNING),
        ({"smtp_host": "mx.example", "smtp_security": "none", "smtp_password": SecretStr("x")}, "password", State.FAILURE),
        ({"smtp_user": "norte"}, "SMTP_PASSWORD", State.WARNING),
        ({"public_url": "http://norte.example"}, "without TLS", State.WARNING),
        ({"allow_loopback_webhooks": True, "public_url": "https://norte.example"}, "trying things", State.WARNING),
    ],
)
def test_settings_that_contradict_each_other_are_named(given: dict[str, object], word: str, state: State) -> None:
    settings = Settings(**{"public_url": "https://norte.example", **given})  # type: ignore[arg-type]
    [finding] = of_settings(settings, embedded=True, mails=True)
    assert (finding.state, word in finding.says) == (state, True)


def test_a_password_is_safe_on_this_machine_and_a_list_of_erasures_belongs_to_every_other_database() -> None:
    here = Settings(smtp_host="127.0.0.1", smtp_security="none", smtp_password=SecretStr("x"))
    assert [each.state for each in of_settings(here, embedded=True, mails=False)] == [State.OK]
    [finding] = of_settings(here, embedded=False, mails=False)
    assert "ERASURES_FILE" in finding.says


def test_the_domain_is_judged_by_what_the_dns_says_and_by_nothing_when_it_is_silent(tmp_path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "key.pem").write_bytes(pem)
    public = base64.b64encode(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()
    assert public_key_of(pem) == public
    settings = Settings(dkim_domain="norte.example", dkim_selector="s1", dkim_key_file=tmp_path / "key.pem")
    zone = {
        "norte.example": ["v=spf1 -all"],
        "_dmarc.norte.example": ["v=DMARC1; p=none"],
        "s1._domainkey.norte.example": [f"v=DKIM1; k=ed25519; p={public}"],
    }

    async def told(name: str) -> list[str] | None:
        return zone.get(name, [])

    async def silent(_name: str) -> list[str] | None:
        return None

    found = asyncio.run(of_domain("norte.example", settings, told))
    assert [each.state for each in found] == [State.OK, State.WARNING, State.OK]
    found = asyncio.run(of_domain("norte.example", settings, silent))
    assert {each.state for each in found} == {State.NOT_ASKED}


def test_a_mail_server_greets_or_it_is_said_why_not() -> None:
    async def story() -> tuple[str, str, str]:
        async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: bytes) -> None:
            writer.write(line)
            writer.close()

        async def ask(line: bytes) -> str:
            server = await asyncio.start_server(lambda reader, writer: answer(reader, writer, line), "127.0.0.1", 0)
            async with server:
                return await greets("127.0.0.1", server.sockets[0].getsockname()[1], tls=False)

        # Bound, and not listened on: nobody answers there, and nobody else can begin to.
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            nobody = await greets("127.0.0.1", taken.getsockname()[1], tls=False)
        return await ask(b"220 mx.example\r\n"), await ask(b"HTTP/1.1 400\r\n"), nobody

    well, other, nobody = asyncio.run(asyncio.wait_for(story(), 60))
    assert well == ""
    assert "does not greet" in other
    assert "cannot be reached" in nobody


@pytest.mark.postgres
def test_the_whole_check_up_on_a_database_finds_the_shops_domain_and_an_index_that_is_gone(postgres_url: str) -> None:
    settings = Settings(database_url=SecretStr(postgres_url), public_url="https://norte.example")

    async def set_up() -> None:
        async with wiring.workspaces_alone(settings) as (workspaces, _):
            opened = await open_workspace(
                "Tienda Norte",
                timezone="Europe/Madrid",
                locale="es-ES",
                sandbox=False,
                workspaces=workspaces,
                chance=secrets.token_bytes,
            )
            policy = "policy:\n  timezone: Europe/Madrid\nbrand:\n  name: Tienda Norte\n  sender: hola@norte.example\n"
            await apply({"policy.yaml": policy}, workspace=opened.workspace.workspace, workspaces=workspaces, compiler=Mrml())

    async def silent(_name: str) -> list[str] | None:
        return None

    asyncio.run(asyncio.wait_for(set_up(), 120))
    found = {each.about: each.state for each in examine(settings, embedded=None, texts_of=silent)}
    assert (found["database"], found["schema"], found["plans"], found["disk"]) == (State.OK, State.OK, State.OK, State.NOT_ASKED)
    assert (found["SPF of norte.example"], found["DMARC of norte.example"]) == (State.NOT_ASKED, State.NOT_ASKED)
    assert found["mail server"] is State.WARNING
    assert State.FAILURE not in found.values()
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("DROP INDEX due_when")
    assert {each.about: each.state for each in examine(settings, embedded=None, texts_of=silent)}["plans"] is State.FAILURE


def test_without_a_database_that_is_said_and_the_rest_is_looked_at_all_the_same() -> None:
    async def silent(_name: str) -> list[str] | None:
        return None

    settings = Settings(database_url=SecretStr("postgresql://postgres@/nowhere?host=/nonexistent"), smtp_user="norte")
    found = {each.about: each.state for each in examine(settings, embedded=None, texts_of=silent)}
    assert found["database"] is State.FAILURE
    assert found["settings"] is State.WARNING
