"""Dora browses on a shared tablet after somebody who is known: their histories stay apart, and nobody hears of the other's looks."""

from __future__ import annotations

import msgspec
from shop_alive import Shop, tell

YES_HERE = {"consent": {"categoryPreferences": {"personalisation": True}, "notice": "v1"}}


async def _somebody_uses_the_tablet_and_leaves(shop: Shop, who: str) -> None:
    """Log in, look at the mug, put it in the basket, log out; the page then draws a new anonymous id, as Segment's `reset` does."""
    await shop.browser("identify", userId=who, anonymousId="tableta-1", traits={"email": f"{who}@correo.example"})
    await shop.look("faro", 3, userId=who, anonymousId="tableta-1")
    await shop.put_in_cart("faro", userId=who, anonymousId="tableta-1")
    await shop.rest()


async def _dora_looks(shop: Shop, device: str) -> None:
    await shop.look("galerna", 3, anonymousId=device, context=YES_HERE)
    await shop.rest()


async def _dora_says_who_she_is(shop: Shop, device: str) -> None:
    traits = {"email": "dora@correo.example", "locale": "es-ES", "timezone": "Europe/Madrid"}
    await shop.browser("identify", userId="dora", anonymousId=device, traits=traits)
    await shop.rest()
    await shop.say("dora", "granted")
    await shop.say("dora", "granted", purpose="personalisation")


def _traces(profile: dict[str, object], *words: str) -> list[str]:
    text = msgspec.json.encode(profile).decode().lower()
    return [word for word in words if word in text]


def test_after_carla_dora_is_herself_and_carla_hears_nothing(postgres_url: str) -> None:
    async def story(shop: Shop) -> None:
        await shop.price("galerna", 80)
        await shop.price("faro", 14)
        await shop.known("carla", marketing=False, personalisation=False)
        await _somebody_uses_the_tablet_and_leaves(shop, "carla")
        await _dora_looks(shop, "tableta-2")
        assert _traces(await shop.profile("tableta-2"), "carla", "faro", "taza", "orilla") == []
        assert _traces(await shop.profile("carla"), "galerna", "cantil") == []

        await _dora_says_who_she_is(shop, "tableta-2")
        dora = await shop.call("GET", "/customers/dora")
        assert dora["customer"] == (await shop.call("GET", "/customers/tableta-2"))["customer"]
        assert dora["customer"] != (await shop.call("GET", "/customers/carla"))["customer"]
        assert _traces(dora["profile"], "galerna") == ["galerna"]
        assert _traces(dora["profile"], "carla", "faro", "taza", "orilla") == []

        await shop.price("galerna", 60)
        await shop.price("faro", 10)
        await shop.rest()
        assert [(mail.to, mail.subject) for mail in await shop.mails()] == [
            ("dora@correo.example", "Chubasquero Galerna ha bajado a 60,00 €")
        ]

    tell(postgres_url, story, plays=("price-drop",))


def test_bruno_who_may_be_written_to_hears_of_his_own_looks_and_not_of_doras(postgres_url: str) -> None:
    async def story(shop: Shop) -> None:
        await shop.price("galerna", 80)
        await shop.price("faro", 14)
        await shop.known("bruno")
        await _somebody_uses_the_tablet_and_leaves(shop, "bruno")
        await _dora_looks(shop, "tableta-2")
        await _dora_says_who_she_is(shop, "tableta-2")
        await shop.price("galerna", 60)
        await shop.price("faro", 10)
        await shop.rest()
        assert sorted((mail.to, mail.subject) for mail in await shop.mails()) == [
            ("bruno@correo.example", "Taza esmaltada Faro ha bajado a 10,00 €"),
            ("dora@correo.example", "Chubasquero Galerna ha bajado a 60,00 €"),
        ]

    tell(postgres_url, story, plays=("price-drop",))


def test_where_the_page_keeps_the_anonymous_id_a_second_user_of_the_tablet_still_is_somebody_else(postgres_url: str) -> None:
    async def story(shop: Shop) -> None:
        await shop.price("galerna", 80)
        await shop.price("faro", 14)
        await shop.known("bruno")
        await _somebody_uses_the_tablet_and_leaves(shop, "bruno")
        await _dora_says_who_she_is(shop, "tableta-1")
        await shop.look("galerna", 3, userId="dora", anonymousId="tableta-1")
        await shop.rest()
        assert (await shop.call("GET", "/merges"))["items"] == []
        assert _traces(await shop.profile("bruno"), "galerna", "dora") == []
        assert _traces(await shop.profile("dora"), "faro", "bruno") == []
        await shop.price("galerna", 60)
        await shop.rest()
        assert [mail.to for mail in await shop.mails()] == ["dora@correo.example"]

    tell(postgres_url, story, plays=("price-drop",))


def test_a_yes_given_on_carlas_tablet_is_none_of_carlas(postgres_url: str) -> None:
    async def story(shop: Shop) -> None:
        await shop.price("galerna", 80)
        await shop.known("carla", marketing=False, personalisation=False)
        await _somebody_uses_the_tablet_and_leaves(shop, "carla")
        await _dora_looks(shop, "tableta-1")  # the page drew no new id, and the banner was answered with yes
        wishes = await shop.call("GET", "/customers/carla/wishes")
        assert wishes["answers"]["personalisation/*"]["state"] == "denied"
        assert _traces(await shop.profile("carla"), "galerna", "cantil") == []
        await shop.price("galerna", 60)
        await shop.rest()
        assert await shop.mails() == []

    tell(postgres_url, story, plays=("price-drop",))
