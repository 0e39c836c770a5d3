"""Over the whole table of routes: which key opens what, that a key opens its own workspace only, and that looking changes nothing."""

from __future__ import annotations

import asyncio
import json
import re
import secrets

from api_house import CONSENT, problem, tienda_norte

from oportuno.flows.open_workspace import open_workspace
from oportuno.kit.times import MINUTE

WISH = {"source": "account_page", "language": "es", "actor": "customer", "cadence": "weekly"}
BODIES = {
    "post /customers/{customer}/consents": CONSENT | {"state": "withdrawn"},
    "post /customers/{customer}/suppressions": {"channel": "email", "reason": "manual", "actor": "staff"},
    "post /customers/{customer}/wishes": WISH,
    "post /decide": {"customer": "{customer}"},
    "post /merges": {"loser": "{customer}", "winner": "{other}"},
    "post /messages": {"customer": "{customer}", "subject": "Otra", "text": "Otra", "basis": "contract"},
    "post /rejects/{reject}/replay": {"item": {"type": "track", "userId": "ana", "event": "Told by others"}},
    "post /suppressions/look-up": {"address": "bruno@example.com"},
    "patch /providers/{provider}": {"name": "Theirs"},
    "patch /hooks/{hook}": {"name": "Theirs"},
    "patch /mail-hooks/{hook}": {"name": "Theirs"},
    "post /sending/release": {"domain": "tiendanorte.example", "reason": "because we would like it"},
}
"""Requests that would do something if they were let; elsewhere an empty body will do."""
QUERIES = {
    "get /customers": {"id": "{customer}"},
    "delete /products": {"id": "{product}"},
    "delete /suppressions/{suppression}": {"why": "because"},
}
OURS_ONLY = ("ana@example.com", "Botas", "Our server", "Our shop", "Our mail", "hard_bounce", "tiendanorte", "Tienda Norte")


def tell(story) -> None:
    async def whole() -> None:
        async with tienda_norte() as tienda:
            await story(tienda)

    asyncio.run(asyncio.wait_for(whole(), 300))


def operations(tienda):
    """Give every operation of the API below /api/v1, by the program's own table."""
    for path, found in tienda.house.rest.openapi()["paths"].items():
        if path.startswith("/api/v1/"):
            for method in found:
                yield method, path.removeprefix("/api/v1")


async def furnished(tienda) -> dict[str, str]:
    """Something of everything that has an id: who looks for it in another workspace knows each of them."""
    for who in ("ana", "bruno"):
        await tienda.leave_a_cart(who)
    await tienda.say_yes("ana")
    await tienda.pass_time(31 * MINUTE)
    await tienda.client.post("/v1/batch", json={"batch": [{"type": "track", "userId": "ana"}]}, auth=(tienda.write_key, ""))
    await tienda.send("identify", userId="carla")
    erased = (await tienda.delete("/customers/carla")).headers["location"].rpartition("/")[2]
    ids = [(await tienda.get(f"/customers/{who}")).json()["customer"] for who in ("ana", "bruno")]
    await tienda.send("page", anonymousId="tablet")
    await tienda.work()
    merged = await tienda.post("/merges", {"loser": "tablet", "winner": "ana"})
    assert merged.status_code == 202, merged.text
    await tienda.work()
    listed = {"items": [{"address": "bruno@example.com", "reason": "hard_bounce"}]}
    assert (await tienda.client.put("/api/v1/suppressions", json=listed, headers=tienda.secret)).status_code == 200
    products = {"items": [{"product_id": "p1", "name": "Botas", "price": "50.00", "currency": "EUR"}]}
    assert (await tienda.post("/products", products)).status_code == 200
    shop = await tienda.post("/hooks", {"platform": "shopify", "name": "Our shop", "secret": "s" * 32})
    mail = await tienda.post("/mail-hooks", {"provider": "mailgun", "name": "Our mail", "secret": "m" * 32})
    way = await tienda.post("/providers", {"kind": "smtp", "name": "Our server", "settings": {"host": "mail.tiendanorte.example"}})
    return {
        "customer": ids[0],
        "other": ids[1],
        "erased": erased,
        "merge": (await tienda.get("/merges")).json()["items"][0]["id"],
        "message": (await tienda.get("/customers/ana/messages")).json()["items"][0]["message"],
        "reject": (await tienda.get("/rejects")).json()["items"][0]["reject"],
        "suppression": (await tienda.get("/suppressions")).json()["items"][0]["suppression"],
        "provider": way.json()["provider"],
        "/hooks": shop.json()["hook"],
        "/mail-hooks": mail.json()["hook"],
        "journey": "abandoned-cart",
        "product": "p1",
        "kind": "orders",
    }


def filled(path: str, ids: dict[str, str]) -> str:
    hook = ids.get(next((place for place in ("/mail-hooks", "/hooks") if path.startswith(place)), ""), "")
    for name, value in (*ids.items(), ("hook", hook)):
        path = path.replace("{" + name + "}", value or "unknown")
    return re.sub(r"\{\w+\}", "unknown", path)


async def ask(tienda, method: str, path: str, ids: dict[str, str], key: str | None):
    body = None
    if method in {"post", "put", "patch"}:
        body = json.loads(filled(json.dumps(BODIES.get(f"{method} {path}", {})), ids))
    headers = {"idempotency-key": "theirs"} | ({"authorization": f"Bearer {key}"} if key else {})
    query = {name: filled(value, ids) for name, value in QUERIES.get(f"{method} {path}", {}).items()}
    return await tienda.client.request(method.upper(), f"/api/v1{filled(path, ids)}", json=body, params=query, headers=headers)


def test_every_address_asks_for_the_secret_key_before_it_looks_at_anything_else():
    async def story(tienda):
        for method, path in operations(tienda):
            for key, status, code in (
                (None, 401, "key_missing"),
                ("sk_" + "0" * 52, 401, "key_unknown"),
                (tienda.write_key, 403, "secret_key_needed"),
            ):
                problem(await ask(tienda, method, path, {}, key), status, code)

    tell(story)


async def seen(tienda, ids: dict[str, str]) -> dict[str, str]:
    """What the workspace itself sees, at every address at which there is something to look at."""
    told = {}
    for method, path in operations(tienda):
        if method == "get":
            answer = await ask(tienda, method, path, ids, tienda.secret_key)
            told[path] = answer.text
            if answer.headers["content-type"].endswith("json"):
                found = {name: value for name, value in answer.json().items() if name not in {"now", "since", "at"}}
                told[path] = json.dumps(found, sort_keys=True)
    return told


def test_whoever_knows_every_id_of_another_workspace_learns_nothing_there_and_changes_nothing():
    async def story(tienda):
        ids = await furnished(tienda)
        other = await open_workspace(
            "Otra", timezone="UTC", locale="en", sandbox=False, workspaces=tienda.workspaces, chance=secrets.token_bytes
        )
        before = await seen(tienda, ids)
        assert all(word in "".join(before.values()) for word in OURS_ONLY)
        for method, path in sorted(operations(tienda), key=lambda operation: operation[0] != "get"):
            answer = await ask(tienda, method, path, ids, other.secret_key)
            if any("{" in asked for asked in (path, *QUERIES.get(f"{method} {path}", {}).values())):
                assert answer.status_code in {200, 204, 400, 404}, (method, path, answer.text)
            assert answer.status_code < 500, (method, path, answer.text)
            assert not [word for word in OURS_ONLY if word in answer.text], (method, path, answer.text)
        assert await seen(tienda, ids) == before

    tell(story)


def test_looking_at_anything_changes_nothing():
    async def story(tienda):
        ids = await furnished(tienda)
        before = repr(tienda.world.tables)
        for method, path in operations(tienda):
            if method == "get":
                for asked in ("get", "head"):
                    await ask(tienda, method if asked == "get" else asked, path, ids, tienda.secret_key)
        assert repr(tienda.world.tables) == before

    tell(story)
