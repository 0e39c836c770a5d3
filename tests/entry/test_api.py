"""What a program with a secret key may ask and do."""

from __future__ import annotations

import json

from api_house import CONSENT, problem, tell

from oportuno.kit.times import MINUTE


def test_any_of_a_customers_ids_finds_the_same_customer():
    async def story(tienda):
        await tienda.send("identify", userId="ana", anonymousId="device-1", traits={"email": "ana@example.com"})
        await tienda.work()
        by_user = (await tienda.get("/customers/ana")).json()
        for other in (by_user["customer"], "device-1"):
            assert (await tienda.get(f"/customers/{other}")).json() == by_user
        assert (await tienda.get("/customers", id="ana")).json() == by_user
        assert by_user["profile"]["customer"]["traits"]["email"] == "ana@example.com"
        assert "views" in by_user["profile"]["closed"]

    tell(story)


def test_an_id_with_a_slash_is_found_by_asking_for_it():
    async def story(tienda):
        await tienda.send("identify", userId="ana/es", traits={"email": "ana@example.com"})
        await tienda.work()
        assert (await tienda.get("/customers", id="ana/es")).status_code == 200

    tell(story)


def test_who_said_yes_gets_a_message_and_everybody_can_see_why():
    async def story(tienda):
        await tienda.leave_a_cart("ana")
        await tienda.say_yes("ana")
        await tienda.pass_time(31 * MINUTE)
        messages = (await tienda.get("/customers/ana/messages")).json()["items"]
        assert [(each["status"], each["not_before"]) for each in messages] == [("pending", None)]
        why = (await tienda.get(f"/messages/{messages[0]['message']}/why")).json()
        assert [each["decided"] for each in why["verdicts"]] == ["speak"]
        assert "Botas" in " ".join(why["points"]["es"])
        assert why["sentence"]["es"] != why["sentence"]["en"]

    tell(story)


def test_why_tells_the_hour_by_the_customers_own_clock():
    async def story(tienda):
        await tienda.leave_a_cart("ana")
        await tienda.pass_time(31 * MINUTE)
        asked = f"/messages/{(await tienda.get('/customers/ana/verdicts')).json()['items'][0]['message']}/why"
        in_madrid = (await tienda.get(asked)).json()["sentence"]["es"]
        await tienda.send("identify", userId="ana", traits={"timezone": "Asia/Tokyo"})
        await tienda.work()
        assert (await tienda.get(asked)).json()["sentence"]["es"] != in_madrid

    tell(story)


def test_who_said_nothing_hears_nothing_and_the_silence_has_its_reason_in_both_languages():
    async def story(tienda):
        await tienda.leave_a_cart("carla")
        await tienda.pass_time(31 * MINUTE)
        assert (await tienda.get("/customers/carla/messages")).json() == {"items": [], "next": None}
        verdict = (await tienda.get("/customers/carla/verdicts")).json()["items"][0]
        assert (verdict["decided"], verdict["reasons"][0]["refusal"]) == ("silence", "no_consent")
        for reader in ("customer", "marketer"):
            assert verdict["reasons"][0][reader].keys() == {"es", "en"}
        why = (await tienda.get(f"/messages/{verdict['message']}/why")).json()
        assert why["said"] is None
        decisions = (await tienda.get("/decisions")).json()
        assert decisions["items"][0] == verdict
        assert {"decided": "silence", "refusal": "no_consent", "journey": "abandoned-cart", "times": 1} in decisions["tallies"]

    tell(story)


def test_a_consent_is_kept_with_its_proof_and_recording_it_again_changes_nothing():
    async def story(tienda):
        await tienda.send("identify", userId="ana")
        given = CONSENT | {"at": "2020-05-01T10:00:00Z"}
        first = (await tienda.post("/customers/ana/consents", given)).json()
        again = (await tienda.post("/customers/ana/consents", given)).json()
        assert (first["changed"], again["changed"]) == (True, False)
        kept = (await tienda.get("/customers/ana/consents")).json()["items"]
        assert [(each["slot"], each["state"], each["proof"]) for each in kept] == [("marketing/email", "granted", {"order": "1001"})]

    tell(story)


def test_a_withdrawal_drops_what_waits():
    async def story(tienda):
        await tienda.leave_a_cart("ana")
        await tienda.say_yes("ana")
        await tienda.pass_time(31 * MINUTE)
        heard = (await tienda.post("/customers/ana/consents", CONSENT | {"state": "withdrawn"})).json()
        assert (heard["changed"], heard["dropped"]) == (True, 1)
        message = (await tienda.get("/customers/ana/messages")).json()["items"][0]
        assert (message["status"], message["reason"]) == ("cancelled", "consent_withdrawn")

    tell(story)


def test_a_suppressed_channel_stays_silent_whatever_was_agreed():
    async def story(tienda):
        await tienda.leave_a_cart("ana")
        await tienda.say_yes("ana")
        body = {"channel": "email", "reason": "complaint", "actor": "postmaster"}
        assert (await tienda.post("/customers/ana/suppressions", body)).json()["changed"]
        assert not (await tienda.post("/customers/ana/suppressions", body)).json()["changed"]
        await tienda.pass_time(31 * MINUTE)
        verdict = (await tienda.get("/customers/ana/verdicts")).json()["items"][0]
        assert verdict["reasons"][0]["refusal"] == "suppressed"

    tell(story)


def test_who_is_forgotten_is_gone_and_stays_gone():
    async def story(tienda):
        await tienda.leave_a_cart("ana")
        customer = (await tienda.get("/customers/ana")).json()["customer"]
        for _ in range(2):
            assert (await tienda.delete(f"/customers/{customer}")).status_code == 204
        problem(await tienda.get(f"/customers/{customer}"), 410, "customer_erased")
        problem(await tienda.get("/customers/ana"), 404, "customer_unknown")

    tell(story)


def test_lists_are_carried_on_without_losing_or_repeating_anything():
    async def story(tienda):
        for number in range(7):
            await tienda.send("track", userId="bruno", event=f"Step {number}")
        seen, cursor = [], None
        while True:
            query = {"limit": 3} | ({"cursor": cursor} if cursor else {})
            page = (await tienda.get("/customers/bruno/events", **query)).json()
            seen += [each["name"] for each in page["items"]]
            cursor = page["next"]
            if cursor is None:
                break
        assert seen == [f"Step {number}" for number in reversed(range(7))]

    tell(story)


def test_a_reject_is_visible_and_can_be_replayed():
    async def story(tienda):
        answer = await tienda.client.post("/v1/batch", json={"batch": [{"type": "track", "userId": "ana"}]}, auth=(tienda.write_key, ""))
        assert answer.status_code == 200
        reject = (await tienda.get("/rejects")).json()["items"][0]
        assert (reject["place"], reject["replayed"]) == ("batch[0].event", False)
        replayed = (await tienda.post(f"/rejects/{reject['reject']}/replay")).json()
        assert (replayed["stored"], bool(replayed["code"])) == (0, True)
        problem(await tienda.post("/rejects/rej_00000000000000000000000000/replay"), 404, "reject_unknown")

    tell(story)


def test_a_rejected_item_of_a_thanked_batch_is_found_mended_and_replayed():
    async def story(tienda):
        order = {"type": "track", "userId": "ana", "event": "Order Completed", "messageId": "o-1", "timestamp": "yesterday"}
        order["properties"] = {"order_id": "1001", "total": 50, "currency": "EUR"}
        look = {"type": "track", "userId": "ana", "event": "Cart Viewed"}
        answer = await tienda.client.post("/v1/batch", json={"batch": [look, order]}, auth=(tienda.write_key, ""))
        assert (answer.status_code, answer.json()["events"], answer.json()["rejected"]) == (200, 1, 1)
        (reject,) = (await tienda.get("/rejects")).json()["items"]
        assert (reject["code"], reject["place"]) == ("timestamp_unreadable", "batch[1].timestamp")

        still_wrong = json.loads(reject["raw"]) | {"timestamp": "the day before"}
        told = (await tienda.post(f"/rejects/{reject['reject']}/replay", {"item": still_wrong})).json()
        assert (told["stored"], told["code"]) == (0, "timestamp_unreadable")
        torn = '{"item": {"type": "track", "userId": "ana", "event": "\\ud800"}}'
        answer = await tienda.client.post(
            f"/api/v1/rejects/{reject['reject']}/replay", content=torn, headers=tienda.secret | {"content-type": "application/json"}
        )
        assert (answer.status_code, answer.json()["code"]) == (200, "text_malformed")
        mended = json.loads(reject["raw"]) | {"timestamp": "2026-01-05T10:00:00Z"}
        for stored in (1, 0):
            told = (await tienda.post(f"/rejects/{reject['reject']}/replay", {"item": mended})).json()
            assert told == {"stored": stored, "code": "", "sentence": ""}
        assert (await tienda.get("/rejects")).json()["items"][0]["replayed"] is True

        await tienda.work()
        events = (await tienda.get("/customers/ana/events")).json()["items"]
        assert sorted((each["name"], each["source"]) for each in events) == [("Cart Viewed", "live"), ("Order Completed", "replay")]
        profile = (await tienda.get("/customers/ana")).json()["profile"]
        assert "1001" in json.dumps(profile["orders"])
        assert (await tienda.get("/customers/ana/verdicts")).json()["items"] == []
        problem(await tienda.post(f"/rejects/{reject['reject']}/replay", {"item": 7}), 422, "request_malformed")

    tell(story)


def test_what_is_laid_down_comes_back_as_it_was_and_applying_it_again_changes_nothing():
    async def story(tienda):
        files = (await tienda.get("/definitions")).json()
        assert set(files["files"]) == {"journeys/abandoned-cart.yaml", "messages/abandoned-cart.yaml", "policy.yaml"}
        again = (await tienda.post("/definitions", files)).json()
        assert (again["published"], again["unchanged"]) == ([], 3)
        journey = (await tienda.get("/journeys/abandoned-cart")).json()
        assert journey in (await tienda.get("/journeys")).json()["items"]
        problem(await tienda.get("/journeys/nothing"), 404, "journey_unknown")

    tell(story)


def test_definitions_with_faults_are_refused_whole_and_every_fault_names_its_line():
    async def story(tienda):
        good = (await tienda.get("/definitions")).json()["files"]
        bad = good | {
            "journeys/abandoned-cart.yaml": good["journeys/abandoned-cart.yaml"]
            .replace("goal:", "gaol:")
            .replace("version: 1", "version: 2"),
            "policy.yaml": "policy:\n  quiet: sometimes\n",
            "notes.txt": "?",
        }
        told = problem(await tienda.post("/definitions", {"files": bad}), 400, "definitions_invalid")
        places = {each["place"].partition(":")[0] for each in told["faults"]}
        assert places == {"journeys/abandoned-cart.yaml", "policy.yaml", "notes.txt"}
        assert any(each["place"] == "policy.yaml:2" for each in told["faults"])
        assert (await tienda.get("/definitions")).json()["files"] == good

    tell(story)


def test_a_published_version_of_a_journey_never_changes():
    async def story(tienda):
        files = (await tienda.get("/definitions")).json()["files"]
        name = "journeys/abandoned-cart.yaml"
        changed = files[name].replace("timeout: 30m", "timeout: 45m")
        told = problem(await tienda.post("/definitions", {"files": {name: changed}}), 400, "definitions_invalid")
        assert told["faults"][0]["code"] == "journey_version_taken"
        raised = changed.replace("version: 1", "version: 2")
        assert (await tienda.post("/definitions", {"files": {name: raised}})).json()["published"][0]["version"] == 2

    tell(story)


def test_a_journey_may_not_send_what_does_not_exist():
    async def story(tienda):
        files = (await tienda.get("/definitions")).json()["files"]
        name = "journeys/abandoned-cart.yaml"
        loose = files[name].replace("send: abandoned-cart", "send: nothing").replace("version: 1", "version: 2")
        told = problem(await tienda.post("/definitions", {"files": {name: loose}}), 400, "definitions_invalid")
        assert told["faults"][0]["code"] == "message_unknown"

    tell(story)


def test_without_a_secret_key_nothing_is_told():
    async def story(tienda):
        for path in ("/customers/ana", "/decisions", "/rejects", "/definitions", "/journeys"):
            problem(await tienda.client.get(f"/api/v1{path}"), 401, "key_missing")
            wrong = {"authorization": "Bearer sk_wrong"}
            problem(await tienda.client.get(f"/api/v1{path}", headers=wrong), 401, "key_unknown")
            public = {"authorization": f"Bearer {tienda.write_key}"}
            problem(await tienda.client.get(f"/api/v1{path}", headers=public), 403, "secret_key_needed")

    tell(story)


def test_another_workspaces_key_sees_nothing_of_this_one():
    async def story(tienda):
        import secrets

        from oportuno.flows.open_workspace import open_workspace

        await tienda.leave_a_cart("ana")
        await tienda.say_yes("ana")
        await tienda.pass_time(31 * MINUTE)
        message = (await tienda.get("/customers/ana/messages")).json()["items"][0]["message"]
        customer = (await tienda.get("/customers/ana")).json()["customer"]
        other = await open_workspace(
            "Otra", timezone="UTC", locale="en", sandbox=False, workspaces=tienda.workspaces, chance=secrets.token_bytes
        )
        tienda.secret = {"authorization": f"Bearer {other.secret_key}"}
        problem(await tienda.get("/customers/ana"), 404, "customer_unknown")
        problem(await tienda.get(f"/customers/{customer}"), 404, "customer_unknown")
        problem(await tienda.get(f"/messages/{message}"), 404, "message_unknown")
        problem(await tienda.get(f"/messages/{message}/why"), 404, "message_unknown")
        assert (await tienda.get("/decisions")).json()["items"] == []
        assert (await tienda.get("/definitions")).json()["files"] == {}

    tell(story)


def test_a_refused_method_is_told_every_method_of_the_address():
    async def story(tienda):
        for path, methods in (
            ("/p/some-token", "GET, HEAD, POST"),
            ("/api/v1/customers/ana", "DELETE, GET"),
            ("/api/v1/customers/ana/consents", "GET, POST"),
            ("/", "GET, HEAD"),
        ):
            told = await tienda.client.put(path, headers=tienda.secret)
            problem(told, 405, "method_not_allowed")
            assert told.headers["allow"] == methods

    tell(story)


def test_the_bare_address_is_a_page_with_kind_words_and_nothing_else():
    async def story(tienda):
        for language, words in (("es", "Oportuno está en marcha"), ("en", "Oportuno is running")):
            answer = await tienda.client.get("/", headers={"accept-language": language})
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("text/html")
            assert words in answer.text
            assert "set-cookie" not in answer.headers
            assert "Tienda Norte" not in answer.text
            assert "/demo" not in answer.text
        assert (await tienda.client.head("/")).status_code == 200

    tell(story)


def test_every_error_has_one_form():
    async def story(tienda):
        problem(await tienda.get("/nothing/here"), 404, "address_unknown")
        told = await tienda.client.put("/api/v1/decisions", headers=tienda.secret)
        problem(told, 405, "method_not_allowed")
        assert told.headers["allow"] == "GET"
        assert problem(await tienda.get("/decisions", limit=0), 422, "request_malformed")["place"] == "query.limit"
        for body, place, words in (
            ({}, "items", "items: this is needed"),
            ({"items": []}, "items", "items: this list needs at least 1 of them"),
            ({"items": [{"address": "ana@example.com"}, {"address": 7}]}, "items[1].address", "items[1].address: this is a text"),
            ([], "", "the body: this is an object"),
        ):
            told = problem(await tienda.client.put("/api/v1/suppressions", json=body, headers=tienda.secret), 422, "request_malformed")
            assert (told.get("place", ""), told["detail"]) == (place, words)
        problem(await tienda.get("/decisions", cursor="!!"), 400, "cursor_malformed")
        problem(await tienda.get("/messages/msg_1"), 400, "id_malformed")
        await tienda.send("identify", userId="ana")
        problem(await tienda.post("/customers/ana/consents", CONSENT | {"channel": "pigeon"}), 400, "channel_unknown")
        problem(await tienda.post("/customers/ana/consents", CONSENT | {"at": "yesterday"}), 400, "moment_malformed")
        problem(await tienda.post("/customers/ana/consents", CONSENT | {"proof": {"a": "x" * 9_000}}), 422, "request_malformed")
        broken = await tienda.client.post("/api/v1/definitions", content=b"{", headers=tienda.secret | {"content-type": "application/json"})
        assert problem(broken, 422, "request_malformed")["place"] == "byte 1"

    tell(story)


def test_a_zone_a_language_and_an_address_that_are_none_are_named_beside_the_event():
    async def story(tienda):
        await tienda.send("identify", userId="ana", traits={"email": "nowhere", "timezone": "Mars/Olympus", "locale": "xx-!!"})
        await tienda.send("track", userId="ana", event="Product Added", properties={"product_id": "p1", "price": 5})
        await tienda.work()
        added, identified = (await tienda.get("/customers/ana/events")).json()["items"]
        assert identified["unfit"] == [f"trait_malformed:traits.{name}" for name in ("email", "timezone", "locale")]
        assert added["unfit"] == []

    tell(story)


def test_the_health_pages_need_no_key_and_tell_nothing_of_anybody():
    async def story(tienda):
        await tienda.leave_a_cart("ana")
        assert (await tienda.client.get("/healthz")).json() == {"status": "ok"}
        assert (await tienda.client.get("/readyz")).json()["status"] == "ok"
        metrics = await tienda.client.get("/metrics")
        assert "oportuno_collect_events_total 2.0" in metrics.text
        assert "ana" not in metrics.text.replace("manag", "")
        assert metrics.headers["content-type"].startswith("text/plain")

    tell(story)


def test_looking_changes_nothing():
    async def story(tienda):
        await tienda.leave_a_cart("ana")
        await tienda.say_yes("ana")
        await tienda.pass_time(31 * MINUTE)
        message = (await tienda.get("/customers/ana/messages")).json()["items"][0]["message"]
        before = repr(tienda.world.tables)
        for path in (
            "/customers/ana", "/customers/ana/verdicts", "/customers/ana/messages", "/customers/ana/events", "/customers/ana/consents",
            f"/messages/{message}", f"/messages/{message}/why", "/decisions", "/rejects", "/set-aside", "/set-aside/customers",
            "/definitions", "/journeys",
        ):  # fmt: skip
            for method in ("GET", "HEAD"):
                await tienda.client.request(method, f"/api/v1{path}", headers=tienda.secret)
        assert repr(tienda.world.tables) == before

    tell(story)


# ── Wishes ──────────────────────────────────────────────────────────────────────────────────────────────────────────

WISH = {"source": "account_page", "language": "es", "actor": "customer"}


def test_what_a_customer_wishes_is_kept_with_its_proof_and_shown():
    async def story(tienda):
        await tienda.send("identify", userId="bruno", traits={"email": "bruno@correo.example"})
        told = {"cadence": "weekly", "quiet": "22:00-10:00", "skip_topics": ["news"], "paused_until": "2099-01-01T00:00:00Z"}
        assert (await tienda.post("/customers/bruno/wishes", WISH | told)).json()["changed"]
        assert not (await tienda.post("/customers/bruno/wishes", WISH | told)).json()["changed"]
        assert (await tienda.post("/customers/bruno/wishes", WISH | {"paused_until": None, "hear_topics": ["news"]})).json()["changed"]
        shown = (await tienda.get("/customers/bruno/wishes")).json()
        assert (shown["cadence"], shown["quiet"], shown["paused_until"], shown["skipped_topics"]) == ("weekly", "22:00-10:00", None, [])
        kept = (await tienda.get("/customers/bruno/consents")).json()["items"]
        assert [each["state"] for each in kept][:2] == ["cadence weekly", "pause 4070908800000"]
        assert {each["slot"] for each in kept} == {"wishes"}

    tell(story)


def test_a_wish_that_cannot_be_is_refused_and_nothing_is_changed():
    async def story(tienda):
        await tienda.send("identify", userId="bruno")
        for wrong in ({"quiet": "10:00-10:00"}, {"quiet": "late"}, {"paused_until": "tomorrow"}):
            assert (await tienda.post("/customers/bruno/wishes", WISH | {"cadence": "weekly"} | wrong)).status_code == 400
        assert (await tienda.post("/customers/bruno/wishes", WISH | {"cadence": "hourly"})).status_code == 422
        assert (await tienda.get("/customers/bruno/wishes")).json()["cadence"] is None

    tell(story)


def test_who_complains_is_not_sold_to_and_everybody_sees_why():
    async def story(tienda):
        await tienda.leave_a_cart("ana")
        await tienda.say_yes("ana")
        await tienda.send("track", userId="ana", event="Complaint Opened", properties={"complaint_id": "C-7"})
        await tienda.pass_time(31 * MINUTE)
        verdict = (await tienda.get("/customers/ana/verdicts")).json()["items"][0]
        assert verdict["reasons"][0]["refusal"] == "complaint_open"
        assert (await tienda.get("/customers/ana/wishes")).json()["complaint_open_since"]

    tell(story)


# ── Forgetting ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_forgetting_is_pending_until_nothing_is_stored_and_then_done():
    async def story(tienda):
        await tienda.leave_a_cart("ana")
        answer = await tienda.delete("/customers/ana")
        assert answer.status_code == 204
        where = answer.headers["location"].removeprefix("/api/v1")
        assert (await tienda.get(where)).json() | {"asked_at": ""} == {
            "customer": where.rpartition("/")[2],
            "status": "pending",
            "asked_at": "",
            "done_at": None,
        }
        while await tienda.world.erasures.advance():
            pass
        assert (await tienda.get(where)).json()["status"] == "done"
        listed = (await tienda.get("/erasures", limit=1)).json()
        assert [each["status"] for each in listed["items"]] == ["done"]
        assert listed["next"] is None
        assert b"ana" not in (await tienda.get("/erasures")).content

    tell(story)


def test_asking_to_forget_somebody_who_is_not_here_is_no_error():
    async def story(tienda):
        await tienda.leave_a_cart("ana")
        for _ in range(2):
            assert (await tienda.delete("/customers/ana")).status_code == 204
        assert (await tienda.delete("/customers/nobody")).status_code == 204
        problem(await tienda.get("/erasures/cus_0000000000001"), 404, "erasure_unknown")
        problem(await tienda.get("/erasures/ana"), 400, "id_malformed")

    tell(story)
