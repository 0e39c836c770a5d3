"""The catalogue over the API: what a shop writes is what it reads, and what cannot be used is named."""

from __future__ import annotations

from api_house import tell


def test_a_price_that_falls_is_written_and_told_as_news():
    async def story(tienda):
        first = await post(tienda, {"id": "p1", "name": "Lámpara", "price": "99.90", "stock": 3, "categories": ["Home > Lamps"]})
        assert (first["written"], first["changes"]) == (1, {})
        fell = await post(tienda, {"id": "p1", "price": 79.9})
        assert (fell["written"], fell["changes"]) == (1, {"Product Price Dropped": 1})
        again = await post(tienda, {"id": "p1", "price": "79,90 €"})
        assert (again["written"], again["unchanged"]) == (0, 1)
        seen = (await tienda.get("/products/p1")).json()
        assert (seen["price"], seen["lowest_30_days"], seen["value"], seen["stock"]) == ("79.90", "99.90", "79.90", 3)
        points = (await tienda.get("/products/p1/prices")).json()["items"]
        assert [each["price"] for each in points] == ["99.90", "79.90"]
        then = (await tienda.get("/products/p1", at=points[0]["at"])).json()
        assert (then["price"], then["stock"]) == ("99.90", None)
        tree = (await tienda.get("/categories")).json()["items"]
        assert [(each["id"], each["parent"]) for each in tree] == [("Home", ""), ("Home > Lamps", "Home")]

    tell(story)


def test_rows_that_cannot_be_used_are_named_and_the_others_are_written():
    async def story(tienda):
        done = await post(
            tienda,
            {"id": "good", "name": "Good", "price": None},
            {"name": "no id"},
            {"id": "nameless", "price": 1},
            {"id": "negative", "name": "N", "price": -1},
            {"id": "currency", "name": "N", "price": 1, "currency": "doubloon"},
            {"id": "pirce", "name": "N", "pirce": 1},
            {"id": "good", "name": "Twice"},
            {"id": "script", "name": "N", "url": "javascript:alert(1)"},
        )
        assert done["written"] == 1
        assert [(each["item"], each["field"], each["code"]) for each in sorted(done["refused"], key=lambda each: each["item"])] == [
            (1, "id", "id_missing"),
            (2, "name", "name_missing"),
            (3, "price", "price_negative"),
            (4, "currency", "currency_unknown"),
            (5, "pirce", "field_unknown"),
            (6, "id", "id_twice"),
            (7, "url", "url_malformed"),
        ]
        assert (await tienda.get("/products/good")).json()["name"] == "Good"

    tell(story)


def test_a_product_is_written_whole_and_withdrawn():
    async def story(tienda):
        await post(tienda, {"id": "p1", "name": "Rug", "price": 10, "brand": "Faro"}, {"id": "a/b", "name": "Slash"})
        put = await tienda.client.put("/api/v1/products/p1", headers=tienda.secret, json={"name": "Rug", "price": "9"})
        assert put.json()["changes"] == {"Product Price Dropped": 1}
        assert (await tienda.get("/products/p1")).json()["brand"] == ""
        assert (await tienda.delete("/products/p1")).status_code == 204
        assert (await tienda.delete("/products/p1")).status_code == 204
        assert (await tienda.get("/products/p1")).json()["withdrawn"] is True
        assert (await tienda.delete("/products/ghost")).json()["code"] == "product_unknown"
        assert (await tienda.get("/products", id="a/b")).json()["items"][0]["name"] == "Slash"
        page = (await tienda.get("/products", limit=1)).json()
        rest = (await tienda.get("/products", cursor=page["next"])).json()
        assert [each["id"] for each in page["items"] + rest["items"]] == ["a/b", "p1"]
        assert rest["next"] is None

    tell(story)


def test_stores_are_open_by_their_own_clock():
    async def story(tienda):
        week = {day: ["09:00-14:00", "17:00-20:30"] for day in ("monday", "tuesday", "wednesday", "thursday", "friday")}
        store = {"id": "norte", "name": "Norte", "timezone": "Europe/Madrid", "week": week, "days": {"2026-12-25": []}}
        assert (await put(tienda, "/stores", [store])).json() == {"changed": 1}
        seen = (await tienda.get("/stores", at="2026-11-23T13:30:00Z")).json()["items"][0]
        assert (seen["open"], seen["opens_next"], seen["week"]["monday"]) == (False, "2026-11-23T16:00:00.000Z", week["monday"])
        assert (await tienda.get("/stores", at="2026-12-25T10:00:00Z")).json()["items"][0]["open"] is False
        await post(tienda, {"id": "p1", "name": "Rug"})
        assert (await put(tienda, "/stock", [{"product": "p1", "store": "norte", "quantity": 4}])).json() == {"changed": 1}
        assert (await tienda.get("/products/p1/stock")).json()["items"][0]["quantity"] == 4
        assert (await put(tienda, "/stock", [{"product": "p1", "store": "sur", "quantity": 4}])).json()["code"] == "store_unknown"
        for wrong, code in (
            ({"timezone": "Mars/Base"}, "timezone_unknown"),
            ({"week": {"monday": ["9-14"]}}, "hours_malformed"),
            ({"week": {"lunes": []}}, "hours_malformed"),
            ({"days": {"yesterday": []}}, "hours_malformed"),
        ):
            assert (await put(tienda, "/stores", [store | wrong])).json()["code"] == code

    tell(story)


def test_without_a_rate_there_is_silence_on_value():
    async def story(tienda):
        await post(tienda, {"id": "p1", "name": "Rug", "price": "10", "currency": "USD"})
        assert (await tienda.get("/products/p1")).json()["value"] is None
        assert (await put(tienda, "/rates", [{"currency": "USD", "day": "2020-01-01", "rate": "0.9"}])).json() == {"changed": 1}
        assert (await tienda.get("/products/p1")).json()["value"] == "9.00"
        assert (await tienda.get("/products/p1", at="2019-01-01T00:00:00Z")).status_code == 404
        assert (await put(tienda, "/rates", [{"currency": "USD", "day": "2020-13-01", "rate": "0.9"}])).json()["code"] == "day_malformed"
        assert (await put(tienda, "/rates", [{"currency": "USD", "day": "2020-01-01", "rate": "0"}])).json()["code"] == "rate_malformed"

    tell(story)


async def post(tienda, *items, **more):
    answer = await tienda.client.post("/api/v1/products", headers=tienda.secret, json={"items": list(items), **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def put(tienda, path, items):
    return await tienda.client.put(f"/api/v1{path}", headers=tienda.secret, json={"items": items})
