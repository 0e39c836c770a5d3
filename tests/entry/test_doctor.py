"""The check-up says what is wrong, each thing whatever became of the others, and calls nothing wrong that nobody could ask."""

from __future__ import annotations

import asyncio
import base64
import secrets
import socket
from importlib.resources import files
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
from oportuno.adapters.postgres.connections import CHANGING, Connections
from oportuno.adapters.postgres.providers import PostgresProviders
from oportuno.adapters.smtp.dkim_public import public_key_of
from oportuno.adapters.smtp.greeting import greets
from oportuno.entry.doctor.finding import State
from oportuno.entry.doctor.look import examine, of_domain
from oportuno.entry.doctor.of_database import of_database
from oportuno.entry.doctor.of_settings import of_settings
from oportuno.flows.apply import apply
from oportuno.flows.open_workspace import open_workspace
from oportuno.flows.providers import OwnProvider
from oportuno.kit.faults import Unavailable
from oportuno.kit.words import Words
from oportuno.settings import Settings
from oportuno.wiring.checkup import Destination
from oportuno.wiring.sealing import sealer_of

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

    found = asyncio.run(of_domain("norte.example", settings, told))
    assert [each.state for each in found] == [State.OK, State.WARNING, State.OK]
    found = asyncio.run(of_domain("norte.example", settings, silent))
    assert {each.state for each in found} == {State.NOT_ASKED}


def test_a_mail_server_greets_or_it_is_said_why_not() -> None:
    async def story() -> tuple[Words | None, Words | None, Words | None]:
        async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: bytes) -> None:
            writer.write(line)
            writer.close()

        async def ask(line: bytes) -> Words | None:
            server = await asyncio.start_server(lambda reader, writer: answer(reader, writer, line), "127.0.0.1", 0)
            async with server:
                return await greets("127.0.0.1", server.sockets[0].getsockname()[1], tls=False)

        # Bound, and not listened on: nobody answers there, and nobody else can begin to.
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            nobody = await greets("127.0.0.1", taken.getsockname()[1], tls=False)
        return await ask(b"220 mx.example\r\n"), await ask(b"HTTP/1.1 400\r\n"), nobody

    well, other, nobody = asyncio.run(asyncio.wait_for(story(), 60))
    assert well is None
    assert other is not None
    assert nobody is not None
    assert ("does not greet" in other.en, "no saluda" in other.es) == (True, True)
    assert ("nobody listens" in nobody.en, "no escucha nadie" in nobody.es) == (True, True)


async def silent(_name: str) -> list[str] | None:
    """A DNS that does not answer."""
    return None


async def nobody_there(destination: Destination) -> Words | None:
    """A world in which only Postmark can be reached."""
    return None if "postmark" in destination.host else Words("nobody listens there", "ahí no escucha nadie")


_PLAYS = files("oportuno").joinpath("plays")
POLICY = """\
policy:
  timezone: Europe/Madrid
brand:
  name: Tienda Norte
  legal: Tienda Norte, calle del Muelle 3, 39004 Santander
  sender: hola@norte.example
"""


@pytest.fixture
def shop(postgres_url: str, tmp_path: Path) -> tuple[Settings, str]:
    """Tienda Norte, which sends for real and has a provider of its own; and its public id."""
    settings = Settings(database_url=SecretStr(postgres_url), public_url="https://norte.example", data_dir=tmp_path)

    async def set_up() -> str:
        async with wiring.workspaces_alone(settings) as (workspaces, _):
            opened = await open_workspace(
                "Tienda Norte",
                timezone="Europe/Madrid",
                locale="es-ES",
                sandbox=False,
                workspaces=workspaces,
                chance=secrets.token_bytes,
            )
            cart = {
                "policy.yaml": POLICY,
                "journeys/abandoned-cart.yaml": _PLAYS.joinpath("abandoned-cart.yaml").read_text(encoding="utf-8"),
                "messages/abandoned-cart.yaml": _PLAYS.joinpath("messages", "abandoned-cart.yaml").read_text(encoding="utf-8"),
            }
            await apply(cart, workspace=opened.workspace.workspace, workspaces=workspaces, compiler=Mrml())
            connections = Connections(postgres_url, name="test", most=1, plans=CHANGING)
            token = OwnProvider(
                workspace=opened.workspace.workspace,
                id="prov_1",
                place=1,
                kind="postmark",
                name="Ours",
                secrets={"server_token": "pm-token"},
                signs="otra.example",
            )
            await PostgresProviders(connections, sealer_of(settings)).put(token)
            await connections.close()
            return opened.workspace.public_id

    return settings, asyncio.run(asyncio.wait_for(set_up(), 120))


@pytest.mark.postgres
def test_the_whole_check_up_on_a_database_names_what_is_wrong_one_thing_after_the_other(shop, postgres_url: str, tmp_path: Path) -> None:
    settings, workspace = shop

    def looked(more: Settings = settings) -> dict[str, State]:
        return {each.named: each.state for each in examine(more, embedded=None, texts_of=silent, reached=nobody_there)}

    def failing(found: dict[str, State]) -> list[str]:
        # No engine keeps house here: behind midnight the copied database has no place for another day.
        return [name for name, state in found.items() if state is State.FAILURE and name != "partitions"]

    found = looked()
    assert (found["database"], found["schema"], found["plans"], found["disk"]) == (State.OK, State.OK, State.OK, State.NOT_ASKED)
    assert (found["SPF of norte.example"], found["DMARC of norte.example"]) == (State.NOT_ASKED, State.NOT_ASKED)
    assert (found["mail server"], found["provider of Ours (postmark)"]) == (State.WARNING, State.OK)
    # Postmark signs for somebody else: every message of the play would fall silent.
    assert failing(found) == [f"marketing of {workspace}"]
    signed = settings.model_copy(update={"smtp_host": "mail.norte.example", "provider_signs": True})
    assert failing(looked(signed)) == ["mail server"]
    other_key = settings.model_copy(update={"data_dir": tmp_path / "elsewhere"})
    assert looked(other_key)["provider"] is State.FAILURE
    assert not (tmp_path / "elsewhere").exists()
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(
            "CREATE OR REPLACE FUNCTION clock_millis() RETURNS bigint LANGUAGE sql VOLATILE AS"
            " 'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint + 3600000'"
        )
        assert looked()["clock"] is State.FAILURE
        connection.execute("DROP INDEX due_when")
        assert looked()["plans"] is State.FAILURE


def test_what_is_said_reads_as_a_line_in_both_languages() -> None:
    [english, spanish] = [[each.line(language) for each in of_database(WELL, disk_used=0.95, ceiling=0.9)][:2] for language in ("en", "es")]
    assert english == [
        "ok          database: PostgreSQL 18 answers",
        "failure     disk: 95% of the disk is used: nothing more is taken in from 90% on, make room",
    ]
    assert spanish == [
        "bien        base de datos: PostgreSQL 18 contesta",
        "fallo       disco: está ocupado el 95 % del disco: desde el 90 % no se recibe nada más, haz sitio",
    ]


def test_a_full_disk_on_which_the_database_cannot_even_start_is_said_with_everything_else(tmp_path: Path) -> None:
    gone = Unavailable("data_dir_unusable", "the data directory cannot be used: no space\nand more", place=str(tmp_path))
    found = examine(Settings(data_dir=tmp_path / "not" / "there"), embedded=tmp_path / "not" / "there", texts_of=silent, gone=gone)
    assert [each.named for each in found] == ["database", "disk", "settings", "mail server"]
    assert found[0].words == Words(
        f"the data directory cannot be used: no space ({tmp_path})", f"no se puede usar el directorio de datos ({tmp_path})"
    )


def test_without_a_database_that_is_said_and_the_rest_is_looked_at_all_the_same() -> None:
    settings = Settings(database_url=SecretStr("postgresql://postgres@/nowhere?host=/nonexistent"), smtp_user="norte")
    found = {each.named: each.state for each in examine(settings, embedded=None, texts_of=silent)}
    assert found["database"] is State.FAILURE
    assert found["settings"] is State.WARNING
