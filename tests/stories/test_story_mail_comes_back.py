"""Ana's address bounces: her next basket is silent, with its reason, until she gives another. Bruno's was on the shop's own list."""

from __future__ import annotations

import asyncio

from shop_alive import Shop, tell

from oportuno.channels.hearing import Hearing, Proof, What
from oportuno.flows.hear_back import HearBack, HeardAs, hear_back
from oportuno.kit.faults import Unavailable
from oportuno.kit.ids import derive, read_id

PLAYS = ("abandoned-cart", "price-drop")
SHORT = {"timeout: 30m": "timeout: 4s"}


async def _comes_back(shop: Shop, who: str) -> list[HeardAs]:
    """The customer's last mail bounces, and three copies of the report come at once."""
    front = shop.front
    [last, *_] = (await shop.call("GET", f"/customers/{who}/messages"))["items"]
    bounce = Hearing(
        id=derive("bounce", last["message"]), what=What.HARD_BOUNCE, source="dsn", at=await front.reads.now(), proof=Proof.SIGNED,
        message=read_id("msg", last["message"]), status="5.1.1",
    )  # fmt: skip
    ear = HearBack(hearings=front.hearings, store=front.store, programmes=front.programmes, intake=front.intake)

    async def told() -> HeardAs:
        while True:
            try:
                return await hear_back(bounce, ear)
            except Unavailable:  # whoever tells must tell again
                continue

    return await asyncio.gather(*(told() for _ in range(3)))


def test_a_basket_left_after_the_address_bounced_is_silent_until_she_gives_another(postgres_url: str) -> None:
    async def story(shop: Shop) -> None:
        await shop.price("galerna", 80)
        for who in ("ana", "bruno"):
            await shop.known(who)
            await shop.look("galerna", 3, userId=who)
        await shop.call("PUT", "/suppressions", {"items": [{"address": "BRUNO@correo.example"}], "note": "asked at the counter"})
        await shop.rest()
        await shop.price("galerna", 64)
        await shop.rest()
        assert [mail.to for mail in await shop.mails()] == ["ana@correo.example"]
        assert await shop.silences("bruno") == [("price-drop", "suppressed")]  # decided, and held at the claim: the list is looked at there

        ends = await _comes_back(shop, "ana")
        assert sorted(end.value for end in ends) == ["again"] * 2 + ["taken"]
        await shop.put_in_cart("faro", userId="ana")
        await shop.rest(ahead=6)
        assert await shop.silences("ana") == [("abandoned-cart", "suppressed")]
        assert len(await shop.mails()) == 1
        [heard] = (await shop.call("GET", "/hearings"))["items"]
        assert (heard["what"], heard["heard_as"], heard["status"]) == ("hard_bounce", "taken", "5.1.1")

        await shop.till("identify", userId="ana", traits={"email": "ana.nueva@correo.example"})
        await shop.rest()
        await shop.price("galerna", 48)
        await shop.rest()
        assert [mail.to for mail in await shop.mails()] == ["ana@correo.example", "ana.nueva@correo.example"]

    tell(postgres_url, story, plays=PLAYS, waits=SHORT)
