"""Who is who, seen by a program with the secret key, and by two strangers with the write key."""

from __future__ import annotations

import time

import pytest
from api_house import tell
from joserfc import jwt
from joserfc.jwk import OctKey

SECRET = "a secret that the shop's server shares with us"


def test_two_become_one_are_read_as_one_and_are_parted_again() -> None:
    async def story(tienda) -> None:
        await tienda.send("track", userId="ana", event="Product Viewed", properties={"product_id": "boots"})
        await tienda.send("track", anonymousId="tablet", event="Product Viewed", properties={"product_id": "tent"})
        await tienda.work()
        asked = await tienda.client.post("/api/v1/merges", json={"loser": "tablet", "winner": "ana"}, headers=tienda.secret)
        assert asked.status_code == 202, asked.text
        await tienda.work()

        ana = (await tienda.get("/customers/ana")).json()
        tablet = (await tienda.get("/customers/tablet")).json()
        assert tablet == ana
        assert ana["merged_from"] == [asked.json()["loser"]]
        loser = (await tienda.get(f"/customers/{asked.json()['loser']}")).json()
        assert loser["customer"] == ana["customer"]
        events = (await tienda.get("/customers/ana/events")).json()["items"]
        assert len(events) == 2
        one = (await tienda.get("/customers/ana/events", limit=1)).json()
        assert one["items"] == events[:1]
        rest = (await tienda.get("/customers/ana/events", limit=1, cursor=one["next"])).json()
        assert rest["items"] == events[1:]

        [entry] = (await tienda.get("/merges")).json()["items"]
        assert (entry["stage"], entry["reason"], entry["vouched_by"]) == ("done", "request", "secret_key")
        assert (await tienda.get("/customers/tablet/merges")).json()["items"] == [entry]
        again = await tienda.client.post("/api/v1/merges", json={"loser": entry["loser"], "winner": "ana"}, headers=tienda.secret)
        assert (again.status_code, again.json()["code"]) == (409, "customer_merged")
        itself = await tienda.client.post("/api/v1/merges", json={"loser": "ana", "winner": "tablet"}, headers=tienda.secret)
        assert (itself.status_code, itself.json()["code"]) == (400, "alias_onto_itself")

        undone = await tienda.client.post(entry["undo"], headers=tienda.secret)
        assert (undone.status_code, undone.json()["stage"]) == (200, "undone")
        assert (await tienda.get("/customers/tablet")).json()["customer"] == entry["loser"]
        twice = await tienda.client.post(entry["undo"], headers=tienda.secret)
        assert (twice.status_code, twice.json()["code"]) == (409, "merge_undone")
        nobody = await tienda.client.post("/api/v1/merges/mrg_00000000000000000000000000/undo", headers=tienda.secret)
        assert (nobody.status_code, nobody.json()["code"]) == (404, "merge_unknown")

    tell(story)


def test_a_device_that_names_a_known_user_is_joined_with_them_and_a_shared_one_is_not() -> None:
    async def story(tienda) -> None:
        await tienda.send("identify", userId="carla", anonymousId="tablet", traits={"first_name": "Carla"})
        await tienda.send("identify", userId="dora", anonymousId="dora-phone", traits={"first_name": "Dora"})
        await tienda.send("track", anonymousId="dora-laptop", event="Product Viewed", properties={"product_id": "tent"})
        await tienda.work()
        # Dora takes Carla's tablet: it is shared, and histories stay apart.
        await tienda.send("track", userId="dora", anonymousId="tablet", event="Product Viewed", properties={"product_id": "map"})
        # Her own laptop was nobody's.
        await tienda.send("identify", userId="dora", anonymousId="dora-laptop")
        await tienda.work()
        dora = (await tienda.get("/customers/dora")).json()
        carla = (await tienda.get("/customers/carla")).json()
        assert dora["customer"] != carla["customer"]
        assert (dora["profile"]["customer"]["events"], carla["profile"]["customer"]["events"]) == (4, 1)
        [entry] = (await tienda.get("/merges")).json()["items"]
        assert (entry["reason"], entry["stage"], entry["vouched_by"]) == ("identify", "done", "public_key")
        # Undone, the laptop does not ask again by itself.
        assert (await tienda.client.post(entry["undo"], headers=tienda.secret)).status_code == 200
        await tienda.send("identify", userId="dora", anonymousId="dora-laptop")
        await tienda.work()
        assert len((await tienda.get("/merges")).json()["items"]) == 1

    tell(story)


def test_two_strangers_with_the_write_key_change_nobodys_address() -> None:
    async def story(tienda) -> None:
        await tienda.send("identify", userId="ana", anonymousId="ana-phone", traits={"email": "ana@example.com"})
        await tienda.work()
        for stranger in ("one", "two"):
            evil = {"email": f"{stranger}@evil.example", "phone": "+34600000001"}
            await tienda.send("identify", anonymousId=f"{stranger}-phone", traits=evil)
            await tienda.work()
            await tienda.send("identify", userId="ana", anonymousId=f"{stranger}-phone", traits=evil, timestamp="2020-01-01T00:00:00Z")
            await tienda.send("alias", previousId="ana", userId=f"{stranger}")
            await tienda.send("alias", previousId="ana-phone", userId=f"{stranger}")
            await tienda.work()
        ana = (await tienda.get("/customers/ana")).json()
        assert ana["profile"]["customer"]["traits"]["email"] == "ana@example.com"
        rejects = (await tienda.get("/rejects")).json()["items"]
        assert {each["code"] for each in rejects} == {"alias_of_known"}
        for stranger in ("one", "two"):
            found = (await tienda.get(f"/customers/{stranger}")).json()
            assert found["customer"] != ana["customer"]
            assert "ana@example.com" not in str(found)

    tell(story)


@pytest.mark.parametrize(
    ("claims", "head", "key", "code"),
    [
        ({}, {}, SECRET, ""),
        (None, {}, SECRET, "identity_unsigned"),
        ({"exp": 1}, {}, SECRET, "identity_expired"),
        ({"exp": None}, {}, SECRET, "identity_expired"),
        ({"aud": "ws_other"}, {}, SECRET, "identity_wrong_audience"),
        ({"sub": "bruno"}, {}, SECRET, "identity_wrong_subject"),
        ({}, {}, SECRET[::-1], "identity_signature"),
        ({}, {"alg": "HS512"}, SECRET * 2, "identity_algorithm"),
        ({}, {"alg": "none"}, SECRET, "identity_algorithm"),
    ],
    ids=["good", "none", "expired", "endless", "audience", "subject", "signature", "algorithm", "alg-none"],
)
def test_where_tokens_are_asked_for_a_browser_names_a_user_with_one_only(claims, head, key, code) -> None:
    async def story(tienda) -> None:
        put = await tienda.client.put("/api/v1/identity/signing", json={"algorithm": "HS256", "key": SECRET}, headers=tienda.secret)
        assert put.status_code == 200, put.text
        context = {}
        if claims is not None:
            told = {"sub": "ana", "aud": put.json()["audience"], "exp": int(time.time()) + 600} | claims
            header = {"alg": "HS256"} | head
            if header["alg"] == "none":
                signed = jwt.encode({"alg": "HS256"}, told, OctKey.import_key(key))
                token = "eyJhbGciOiJub25lIn0." + signed.split(".")[1] + "."
            else:
                token = jwt.encode(header, told, OctKey.import_key(key), algorithms=[header["alg"]])
            context = {"identity": {"token": token}}
        await tienda.send("identify", userId="ana", anonymousId="phone", traits={"email": "ana@example.com"}, context=context)
        await tienda.send("page", anonymousId="phone", name="Home")
        await tienda.work()
        rejects = (await tienda.get("/rejects")).json()["items"]
        assert [each["code"] for each in rejects] == ([code] if code else [])
        events = (await tienda.get("/customers/phone/events")).json()["items"]
        assert len(events) == (1 if code else 2)
        if context:
            assert context["identity"]["token"] not in str(events) + str(rejects)

    tell(story)


@pytest.mark.parametrize(
    ("algorithm", "key"), [("HS256", "short"), ("RS256", "no key at all"), ("ES256", "-----BEGIN EC PRIVATE KEY-----\n")]
)
def test_a_key_that_cannot_hold_is_refused(algorithm, key) -> None:
    async def story(tienda) -> None:
        put = await tienda.client.put("/api/v1/identity/signing", json={"algorithm": algorithm, "key": key}, headers=tienda.secret)
        assert (put.status_code, put.json()["code"]) == (400, "signing_key_unfit")
        assert (await tienda.get("/identity/signing")).status_code == 404

    tell(story)
