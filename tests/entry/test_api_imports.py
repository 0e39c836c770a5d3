"""Files over HTTP: the body is the file; rehearsed, brought in, and sent again after a break."""

from __future__ import annotations

from api_house import tell

ORDERS = (
    "Pedido;Cliente;Fecha;Referencia;Unidades;Precio\n"
    "A1;ana;2025-12-31 18:30;LAMP;2;10,50\n"
    "A2;;2025-12-31;RUG;1;80\n"
    "A3;bruno;2026-01-02;RUG;1;80\n"
)


async def bring(shop, body, kind="orders", **query):
    ways = {"decimal": ",", "fixed": "currency=EUR"} if kind == "orders" else {}
    return await shop.client.post(f"/api/v1/imports/{kind}", params=ways | query, content=body, headers=shop.secret)


def test_a_file_is_rehearsed_and_nothing_is_written():
    async def story(shop):
        said = (await bring(shop, ORDERS.encode(), dry_run="true")).json()
        assert (said["rows"], said["events"], said["refused"]) == (3, 2, 1)
        assert said["refused_rows"] == [
            {"line": 3, "field": "user_id", "code": "row_without_customer", "sentence": "the row does not say whom it is about"}
        ]
        assert said["first"][0]["properties"]["total"] == 21
        assert said["columns"]["order_id"] == "Pedido"
        assert (await shop.get("/imports")).json() == {"items": [], "mappings": {}}

    tell(story)


def test_a_file_comes_in_once_and_says_nothing_to_anybody():
    async def story(shop):
        await shop.leave_a_cart("ana")
        before = len(shop.world.tables.decisions)
        said = (await bring(shop, ORDERS.encode(), remember="till")).json()
        assert (said["events"], said["refused"], said["already"]) == (2, 1, False)
        assert (await bring(shop, ORDERS.encode(), remember="till")).json()["already"] is True
        grown = ORDERS + "A4;ana;2026-01-03;RUG;1;80\n"
        again = (await bring(shop, grown.encode(), mapping="till")).json()
        assert (again["events"], again["known"]) == (1, 2)
        await shop.work()
        assert len(shop.world.tables.decisions) == before
        listed = (await shop.get("/imports")).json()
        assert [(each["kind"], each["state"]) for each in listed["items"]] == [("orders", "done")] * 2
        assert listed["mappings"]["till"]["decimal"] == ","
        profile = (await shop.get("/customers/bruno")).json()["profile"]
        assert profile["orders"]["count"] == 1

    tell(story)


def test_what_cannot_be_read_is_a_problem_and_a_write_key_may_not():
    async def story(shop):
        for body, query, code in (
            (b"", {}, "file_empty"),
            (b"id,id\n1,2\n", {}, "column_twice"),
            (b"a,b\n1,2\n", {}, "mapping_field_missing"),
            (ORDERS.encode(), {"preset": "nobody"}, "preset_unknown"),
            (ORDERS.encode(), {"mapping": "nobody"}, "mapping_unknown"),
            (b"[1]", {"format": "jsonl", "column": ["order_id=a", "user_id=b", "timestamp=c"]}, "json_list"),
        ):
            answer = await bring(shop, body, **query)
            assert (answer.json()["code"], answer.status_code < 500) == (code, True)
        refused = await shop.client.post(
            "/api/v1/imports/orders", content=ORDERS.encode(), headers={"authorization": f"Bearer {shop.write_key}"}
        )
        assert refused.status_code == 403

    tell(story)
