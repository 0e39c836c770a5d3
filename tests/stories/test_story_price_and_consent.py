"""Ana's price falls while her e-mail consent is withdrawn, then given again, then it falls once more: she is told once, of what is true."""

from __future__ import annotations

from shop_alive import Shop, tell


async def _ana_looks_at_the_galerna(shop: Shop) -> None:
    await shop.price("galerna", 80)
    await shop.known("ana")
    await shop.look("galerna", 3, userId="ana", anonymousId="portatil-de-ana")
    await shop.rest()


def test_ana_hears_once_of_the_fall_after_she_said_yes_again_and_nothing_of_the_one_before(postgres_url: str) -> None:
    async def story(shop: Shop) -> None:
        await _ana_looks_at_the_galerna(shop)

        await shop.say("ana", "withdrawn")
        assert await shop.price("galerna", 64) == {"Product Price Dropped": 1}
        await shop.rest()
        assert await shop.silences("ana") == [("price-drop", "consent_withdrawn")]

        await shop.say("ana", "granted")
        await shop.rest()
        assert await shop.mails() == []  # a yes of today does not bring back yesterday's news

        await shop.price("galerna", 48)
        await shop.rest()
        assert await shop.price("galerna", 48) == {}  # the feed comes again, as feeds do
        await shop.rest()
        (mail,) = await shop.mails()
        assert mail.to == "ana@correo.example"
        assert mail.subject == "Chubasquero Galerna ha bajado a 48,00 €"
        assert "64,00" in mail.text
        assert "80,00" not in mail.text  # what it cost before the fall that she did not want to hear of

    tell(postgres_url, story, plays=("price-drop",))


def test_a_withdrawal_between_the_decision_and_the_claim_keeps_the_mail_from_leaving(postgres_url: str) -> None:
    async def story(shop: Shop) -> None:
        await _ana_looks_at_the_galerna(shop)
        await shop.hold_deliveries()
        await shop.price("galerna", 64)
        await shop.rest()
        assert await shop.messages("ana") == [("price-drop", "pending")]

        await shop.say("ana", "withdrawn")
        await shop.deliver()
        await shop.rest()
        assert await shop.messages("ana") == [("price-drop", "cancelled")]
        assert await shop.silences("ana") == [("price-drop", "consent_withdrawn")]
        assert await shop.mails() == []

        await shop.say("ana", "granted")
        await shop.rest()
        assert await shop.mails() == []

    tell(postgres_url, story, plays=("price-drop",))


def test_a_price_that_rose_again_before_the_mail_left_is_not_told(postgres_url: str) -> None:
    async def story(shop: Shop) -> None:
        await _ana_looks_at_the_galerna(shop)
        await shop.hold_deliveries()
        await shop.price("galerna", 64)
        await shop.rest()
        await shop.price("galerna", 80)
        await shop.deliver()
        await shop.rest()
        assert await shop.messages("ana") == [("price-drop", "cancelled")]
        assert await shop.silences("ana") == [("price-drop", "offer_gone")]
        assert await shop.mails() == []

    tell(postgres_url, story, plays=("price-drop",))
