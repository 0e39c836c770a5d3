"""A workspace lays down by whom its mail goes, and nobody is ever shown the keys; a braked domain goes on by a person's word."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from api_house import tienda_norte

SMTP = {"kind": "smtp", "name": "Ours", "settings": {"host": "mail.tiendanorte.example", "user": "tienda", "password": "hunter2-hunter2"}}


def tell(story) -> None:
    async def whole() -> None:
        async with tienda_norte() as tienda:
            await story(tienda)

    asyncio.run(asyncio.wait_for(whole(), 120))


async def patch(tienda, provider: str, **body):
    return await tienda.client.patch(f"/api/v1/providers/{provider}", json=body, headers=tienda.secret)


def test_a_provider_is_laid_down_changed_and_taken_away_and_its_password_is_never_shown() -> None:
    async def story(tienda) -> None:
        made = await tienda.post("/providers", SMTP)
        assert made.status_code == 200, made.text
        provider = made.json()
        assert (provider["settings"], provider["secrets"]) == (
            {"host": "mail.tiendanorte.example", "user": "tienda"},
            ["password"],
        )
        second = (await tienda.post("/providers", {"kind": "postmark", "name": "Then", "settings": {"server_token": "pm-token-1"}})).json()
        changed = await patch(tienda, second["provider"], place=1, signs="tiendanorte.example", name="First")
        assert (changed.json()["place"], changed.json()["signs"], changed.json()["marketing"]) == (1, "tiendanorte.example", "")
        unaligned = await patch(tienda, second["provider"], signs="otra.example")
        assert (second["marketing"], unaligned.json()["marketing"]) == ("mail_unsigned", "sender_unaligned")
        await patch(tienda, second["provider"], signs="tiendanorte.example")
        listed = await tienda.get("/providers")
        assert [each["name"] for each in listed.json()["items"]] == ["First", "Ours"]
        for said in (made, changed, listed):
            assert "hunter2" not in said.text
            assert "pm-token" not in said.text
        [kept, _] = await tienda.world.providers.of(tienda.workspace)
        assert kept.secrets == {"server_token": "pm-token-1"}
        assert (await tienda.delete(f"/providers/{second['provider']}")).status_code == 204
        assert (await tienda.delete(f"/providers/{second['provider']}")).json()["code"] == "provider_unknown"

    tell(story)


def test_whoever_moves_a_provider_elsewhere_has_to_know_its_secrets() -> None:
    async def story(tienda) -> None:
        provider = (await tienda.post("/providers", SMTP)).json()["provider"]
        refused = await patch(tienda, provider, settings={"host": "mail.elsewhere.example"})
        assert (refused.status_code, refused.json()["code"]) == (400, "provider_secrets_again")
        moved = await patch(tienda, provider, settings={"host": "mail.elsewhere.example", "password": "another-one"})
        assert moved.json()["settings"]["host"] == "mail.elsewhere.example"
        plain = await patch(tienda, provider, settings={"user": None})
        assert plain.json()["settings"] == {"host": "mail.elsewhere.example"}
        [kept] = await tienda.world.providers.of(tienda.workspace)
        assert kept.secrets == {"password": "another-one"}

    tell(story)


@pytest.mark.parametrize(
    ("settings", "code", "place"),
    [
        ({}, "provider_setting_missing", "settings.host"),
        ({"host": "mail example"}, "provider_setting_malformed", "settings.host"),
        ({"host": "mail.example", "port": "0"}, "provider_setting_malformed", "settings.port"),
        ({"host": "mail.example", "port": "70000"}, "provider_setting_malformed", "settings.port"),
        ({"host": "mail.example", "port": "25x"}, "provider_setting_malformed", "settings.port"),
        ({"host": "mail.example", "security": "maybe"}, "provider_setting_malformed", "settings.security"),
        ({"host": "mail.example", "colour": "red"}, "provider_setting_unknown", "settings.colour"),
        ({"host": "mail.example", "password": "a\nb"}, "provider_setting_malformed", "settings.password"),
    ],
)
def test_settings_by_which_nothing_could_be_sent_are_refused_by_their_name(settings, code: str, place: str) -> None:
    async def story(tienda) -> None:
        refused = await tienda.post("/providers", {"kind": "smtp", "name": "Ours", "settings": settings})
        assert (refused.status_code, refused.json()["code"], refused.json()["place"]) == (400, code, place)
        assert (await tienda.get("/providers")).json()["items"] == []

    tell(story)


def test_a_provider_whose_secrets_were_lost_with_their_key_is_shown_and_told_them_anew_or_taken_away() -> None:
    async def story(tienda) -> None:
        made = (await tienda.post("/providers", SMTP)).json()
        [known] = await tienda.world.providers.of(tienda.workspace)
        await tienda.world.providers.put(msgspec.structs.replace(known, secrets={}, secrets_lost=True))
        [shown] = (await tienda.get("/providers")).json()["items"]
        assert (shown["secrets"], shown["secrets_lost"]) == ([], True)
        for without in ({"name": "Mine"}, {"settings": {"user": "tienda"}}):
            refused = await patch(tienda, made["provider"], **without)
            assert (refused.status_code, refused.json()["code"], refused.json()["place"]) == (400, "secret_lost", "settings")
        none = await patch(tienda, made["provider"], settings={"password": None})
        assert (none.status_code, none.json()["secrets_lost"]) == (200, False)
        anew = await patch(tienda, made["provider"], settings={"password": "hunter3-hunter3"})
        assert (anew.json()["secrets"], anew.json()["secrets_lost"]) == (["password"], False)
        assert (await tienda.delete(f"/providers/{made['provider']}")).status_code == 204

    tell(story)


def test_a_port_may_be_told_as_the_number_that_it_is() -> None:
    async def story(tienda) -> None:
        laid = await tienda.post("/providers", {"kind": "smtp", "name": "Ours", "settings": {"host": "mail.example", "port": 2525}})
        assert (laid.status_code, laid.json()["settings"]["port"]) == (200, "2525")

    tell(story)


def test_a_workspace_has_at_most_ten_and_a_write_key_none() -> None:
    async def story(tienda) -> None:
        for _ in range(10):
            assert (await tienda.post("/providers", SMTP)).status_code == 200
        assert (await tienda.post("/providers", SMTP)).json()["code"] == "providers_too_many"
        told = await tienda.client.get("/api/v1/providers", headers={"authorization": f"Bearer {tienda.write_key}"})
        assert told.status_code == 403

    tell(story)


def test_a_braked_domain_goes_on_by_a_person_s_word_with_a_reason() -> None:
    async def story(tienda) -> None:
        tienda.world.domains.known = {
            (tienda.workspace, "tiendanorte.example", "gmail"): (1_000, 6),
            (tienda.workspace, "tiendanorte.example", "other"): (9_000, 1),
            (tienda.workspace + 1, "otra.example", "gmail"): (1, 1),
        }
        stands = {each["receivers"]: each["brake"] for each in (await tienda.get("/sending")).json()["items"]}
        assert stands == {"": "none", "gmail": "stop", "other": "none"}
        short = await tienda.post("/sending/release", {"domain": "tiendanorte.example", "receivers": "gmail", "reason": "please"})
        assert short.status_code == 422
        other = await tienda.post("/sending/release", {"domain": "otra.example", "receivers": "gmail", "reason": "the list was cleaned"})
        assert other.json()["code"] == "domain_unknown"
        let_go = {"domain": "tiendanorte.example", "receivers": "gmail", "reason": "the bought list was thrown away"}
        after = (await tienda.post("/sending/release", let_go)).json()["items"]
        assert {each["receivers"]: each["brake"] for each in after}["gmail"] == "none"
        assert [each.reason for each in tienda.world.domains.released] == ["the bought list was thrown away"]

    tell(story)
