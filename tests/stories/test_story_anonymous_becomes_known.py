"""Ana looks before she says who she is: her looks count, the merge log tells what was joined and why, and an undo gives back what was."""

from __future__ import annotations

from shop_alive import Shop, tell

YES_HERE = {"consent": {"categoryPreferences": {"personalisation": True}, "notice": "v1"}}


def test_what_she_looked_at_before_saying_who_she_is_counts_until_the_merge_is_undone(postgres_url: str) -> None:
    async def story(shop: Shop) -> None:
        await shop.price("galerna", 80)
        await shop.known("ana")
        await shop.look("galerna", 3, anonymousId="movil", context=YES_HERE)
        await shop.rest()
        ana, visitor = [(await shop.call("GET", f"/customers/{each}"))["customer"] for each in ("ana", "movil")]
        assert ana != visitor

        await shop.browser("identify", userId="ana", anonymousId="movil")
        await shop.rest()
        joined = await shop.call("GET", "/customers/movil")
        assert (joined["customer"], joined["merged_from"]) == (ana, [visitor])
        await shop.price("galerna", 64)
        await shop.rest()
        (mail,) = await shop.mails()
        assert (mail.to, mail.subject) == ("ana@correo.example", "Chubasquero Galerna ha bajado a 64,00 €")

        (entry,) = (await shop.call("GET", "/customers/ana/merges"))["items"]
        told = [entry[word] for word in ("loser", "winner", "stage", "reason", "vouched_by")]
        assert told == [visitor, ana, "done", "identify", "public_key"]

        await shop.call("POST", entry["undo"].removeprefix("/api/v1"))
        await shop.rest()
        assert [each["stage"] for each in (await shop.call("GET", "/merges"))["items"]] == ["undone"]
        apart = await shop.call("GET", "/customers/movil")
        assert (apart["customer"], apart["merged_from"]) == (visitor, [])
        assert "galerna" in str(apart["profile"]["views"])
        assert "galerna" not in str((await shop.profile("ana")).get("views"))

        await shop.price("galerna", 48)
        await shop.rest()
        assert len(await shop.mails()) == 1  # the looks are the visitor's again, and a visitor has no address

    tell(postgres_url, story, plays=("price-drop",))
