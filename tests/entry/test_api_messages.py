"""Transactional messages over the API: one request, one message; who may be written to, and what is no back door."""

from __future__ import annotations

import asyncio
import secrets

from api_house import CONSENT, SECRET, problem, tell

from oportuno.consent.reach import Silenced
from oportuno.flows.open_workspace import open_workspace
from oportuno.flows.put_in_words import put_in_words
from oportuno.flows.work import Listed, OutboxStatus, Writes
from oportuno.profile.draft import Draft
from oportuno.settings import Settings
from oportuno.wiring import links_for

WHOLE = {"user_id": "ana", "subject": "Tu pedido 1001", "text": "Sale mañana.", "basis": "contract"}


async def ask(tienda, key, **body):
    return await tienda.client.post("/api/v1/messages", json=body, headers=tienda.secret | {"Idempotency-Key": key})


async def told(tienda, who="ana", **traits):
    await tienda.send("identify", userId=who, traits={"email": f"{who}@example.com"} | traits)
    await tienda.work()


def test_carla_who_said_no_to_marketing_gets_the_notice_of_her_order():
    async def story(tienda):
        await told(tienda, "carla")
        answer = await tienda.post("/customers/carla/consents", CONSENT | {"state": "denied"})
        assert answer.status_code == 200
        sent = await ask(tienda, "order-1", **WHOLE | {"user_id": "carla"})
        assert sent.status_code == 202, sent.text
        shown = (await tienda.get(f"/messages/{sent.json()['message']}")).json()
        assert (shown["status"], shown["marketing"], shown["purpose"], shown["journey"]) == ("pending", False, "service", "transactional")
        why = (await tienda.get(f"/messages/{sent.json()['message']}/why")).json()
        assert "Es un aviso, no publicidad." in why["sentence"]["es"]
        assert [each["decided"] for each in why["verdicts"]] == ["speak"]

    tell(story)


def test_the_same_request_asked_again_gets_the_same_answer_and_sends_nothing_more():
    async def story(tienda):
        await told(tienda)
        first = await ask(tienda, "order-1", **WHOLE)
        again = await ask(tienda, "order-1", **WHOLE)
        assert (first.status_code, again.status_code) == (202, 202)
        assert first.json() == again.json()
        assert ("idempotent-replayed" in first.headers, again.headers["idempotent-replayed"]) == (False, "true")
        assert len(tienda.world.tables.messages) == 1
        other = await ask(tienda, "order-1", **WHOLE | {"text": "Sale hoy."})
        assert problem(other, 422, "idempotency_key_reused")["place"] == "Idempotency-Key"
        assert len(tienda.world.tables.messages) == 1

    tell(story)


def test_fifty_who_ask_at_once_with_one_key_get_one_message():
    async def story(tienda):
        await told(tienda)
        answers = await asyncio.gather(*(ask(tienda, "order-1", **WHOLE) for _ in range(50)))
        assert {(each.status_code, each.json()["message"]) for each in answers} == {(202, answers[0].json()["message"])}
        assert len(tienda.world.tables.messages) == 1
        assert len((await tienda.get("/customers/ana/verdicts")).json()["items"]) == 1

    tell(story)


def test_an_address_that_does_not_work_is_a_silence_with_its_name_whoever_asks_again():
    async def story(tienda):
        await told(tienda)
        await tienda.post("/customers/ana/suppressions", {"channel": "email", "reason": "hard_bounce", "actor": "shop"})
        answers = [await ask(tienda, "order-1", **WHOLE) for _ in range(2)]
        told_first, told_again = (problem(each, 409, "message_silent") for each in answers)
        assert told_first == told_again
        assert told_first["reason"]["refusal"] == "suppressed"
        assert not tienda.world.tables.messages
        verdicts = (await tienda.get("/customers/ana/verdicts")).json()["items"]
        assert [(each["decided"], each["message"]) for each in verdicts] == [("silence", told_first["message"])]
        assert (await tienda.get(f"/messages/{told_first['message']}/why")).status_code == 200

    tell(story)


def test_an_address_that_does_not_work_is_not_written_to_under_another_name_either():
    async def story(tienda):
        await told(tienda)
        async with tienda.world.store.work() as work:
            silenced = Silenced("hard_bounce", tienda.world.clock.now)
            await work.lock([])
            await work.commit(Writes(listed=[Listed(tienda.workspace, "email", silenced, "dsn", address="ana@example.com")]))
        body = {name: value for name, value in WHOLE.items() if name != "user_id"} | {"email": "ana@example.com"}
        silent = problem(await ask(tienda, "order-1", **body), 409, "message_silent")
        assert (silent["reason"]["refusal"], silent["reason"]["facts"]["because"]) == ("suppressed", "hard_bounce")
        assert "ana@" not in str(silent)
        assert not tienda.world.tables.messages

    tell(story)


def test_who_left_or_complained_about_marketing_still_gets_notices():
    async def story(tienda):
        for number, reason in enumerate(("complaint", "manual")):
            await told(tienda, f"bruno{number}")
            await tienda.post(f"/customers/bruno{number}/suppressions", {"channel": "email", "reason": reason, "actor": "shop"})
            assert (await ask(tienda, reason, **WHOLE | {"user_id": f"bruno{number}"})).status_code == 202

    tell(story)


def test_a_bare_address_makes_somebody_of_whom_nothing_but_it_is_known():
    async def story(tienda):
        body = {name: value for name, value in WHOLE.items() if name != "user_id"} | {"email": "Nueva@Example.COM"}
        sent = await ask(tienda, "order-1", **body)
        assert sent.status_code == 202, sent.text
        again = await ask(tienda, "order-2", **body | {"email": "nueva@example.com"})
        assert again.json()["customer"] == sent.json()["customer"]
        await tienda.work()
        profile = (await tienda.get(f"/customers/{sent.json()['customer']}")).json()["profile"]
        assert profile["customer"]["traits"]["email"] == "Nueva@example.com"
        assert (await tienda.get(f"/customers/{sent.json()['customer']}/consents")).json() == {"items": []}
        assert len(tienda.world.tables.messages) == 2

    tell(story)


def test_a_shop_whose_user_ids_are_addresses_reaches_the_customer_it_knows():
    async def story(tienda):
        await told(tienda, "ana@example.com", email="ana@example.com")
        body = {name: value for name, value in WHOLE.items() if name != "user_id"} | {"email": "ana@example.com"}
        sent = await ask(tienda, "order-1", **body)
        assert sent.json()["customer"] == (await tienda.get("/customers", id="ana@example.com")).json()["customer"]
        moved = {"userId": "ana@example.com", "traits": {"email": "otra@example.com"}}
        await tienda.client.post("/v1/identify", json=moved, auth=(tienda.secret_key, ""))
        await tienda.work()
        problem(await ask(tienda, "order-2", **body), 409, "address_elsewhere")

    tell(story)


CONFIRMED = """message: order-confirmed
channel: email
purpose: service
example: {number: "1001", total: 8900, lines: [{name: Botas}]}
wordings:
  es:
    subject: Tu pedido {{ data.number }}
    mjml: |
      <mj-text>Suma {{ data.total | money: "EUR" }}.</mj-text>
      {% for line in data.lines %}<mj-text>{{ line.name }}</mj-text>{% endfor %}
"""


def test_a_published_message_takes_the_data_that_comes_with_it_and_says_what_is_missing():
    async def story(tienda):
        await told(tienda)
        applied = await tienda.post("/definitions", {"files": {"messages/order-confirmed.yaml": CONFIRMED}})
        assert applied.status_code == 200, applied.text
        body = {"user_id": "ana", "template": "order-confirmed", "basis": "contract"}
        lacking = problem(await ask(tienda, "one", **body, data={"number": "7"}), 400, "template_variable_missing")
        sentence = "the template asks for data.total, which the data that came with it does not hold"
        assert (lacking["place"], lacking["detail"]) == ("data", sentence)
        data = {"number": "7", "total": 1250, "lines": [{"name": "<b>Botas</b>"}]}
        sent = await ask(tienda, "one", **body, data=data)
        assert sent.status_code == 202, sent.text
        row = next(iter(tienda.world.tables.messages.values()))
        stored = tienda.world.tables.customers[row.message.key]
        draft = Draft(row.message.key, stored.state, stored.version)
        programme = await tienda.world.programmes.programme(tienda.workspace)
        words = put_in_words(links_for(Settings(public_url="http://shop"), SECRET))(row.message, programme, draft, tienda.world.clock.now)
        assert words.subject == "Tu pedido 7"
        assert "12,50" in words.text
        assert "&lt;b&gt;Botas" in words.html
        assert "List-Unsubscribe" not in words.headers
        assert "Botas" not in str((await tienda.get("/customers/ana/verdicts")).json()), "a verdict keeps no words"

    tell(story)


def test_a_body_that_is_given_whole_goes_out_as_it_is_and_nothing_in_it_is_evaluated():
    async def story(tienda):
        await told(tienda)
        html = "<p>Hola {{ customer.email }} {% if x %}</p>"
        await ask(tienda, "one", user_id="ana", basis="legal_obligation", subject="Retirada\r\nBcc: x", html=html, language="es")
        row = next(iter(tienda.world.tables.messages.values()))
        stored = tienda.world.tables.customers[row.message.key]
        programme = await tienda.world.programmes.programme(tienda.workspace)
        words = put_in_words(links_for(Settings(public_url="http://shop"), SECRET))(
            row.message, programme, Draft(row.message.key, stored.state, stored.version), tienda.world.clock.now
        )
        assert (words.html, words.subject, words.language) == (html, "Retirada Bcc: x", "es")
        assert words.text.strip() == "Hola {{ customer.email }} {% if x %}"
        assert words.sender == '"Tienda Norte" <hola@tiendanorte.example>'

    tell(story)


def test_data_is_for_service_messages_alone():
    async def story(tienda):
        marketing = CONFIRMED.replace("purpose: service\n", "")
        refused = await tienda.post("/definitions", {"files": {"messages/order-confirmed.yaml": marketing}})
        assert "message_example" in refused.text
        unknown = CONFIRMED.replace("data.number", "data.numero")
        refused = await tienda.post("/definitions", {"files": {"messages/order-confirmed.yaml": unknown}})
        assert "template_variable_unknown" in refused.text
        assert "data.number" in refused.text

    tell(story)


def test_it_is_no_back_door_for_marketing():
    async def story(tienda):
        await told(tienda)
        assert problem(await ask(tienda, "a", **WHOLE | {"basis": "consent"}), 400, "basis_of_marketing")["place"] == "basis"
        problem(await ask(tienda, "b", **WHOLE | {"basis": "because"}), 400, "basis_unknown")
        refused = await ask(tienda, "c", user_id="ana", basis="contract", template="abandoned-cart")
        assert problem(refused, 400, "message_promotes")["place"] == "template"
        problem(await ask(tienda, "d", **WHOLE | {"subject": "¡Última oportunidad!"}), 400, "wording_forbidden")
        assert not tienda.world.tables.messages

    tell(story)


def test_what_cannot_be_used_is_named_with_its_place_and_uses_up_no_key():
    async def story(tienda):
        await told(tienda)
        for change, status, code, place in (
            ({"email": "ana@example.com"}, 400, "recipient_unclear", "email"),
            ({"user_id": None}, 400, "recipient_unclear", "user_id"),
            ({"user_id": None, "email": "nobody"}, 400, "address_malformed", "email"),
            ({"user_id": None, "customer": "cus_1"}, 400, "id_malformed", "customer"),
            ({"user_id": "nobody"}, 404, "customer_unknown", "user_id"),
            ({"user_id": None, "anonymous_id": "nobody"}, 404, "customer_unknown", "anonymous_id"),
            ({"text": None}, 400, "body_unclear", "html"),
            ({"subject": " "}, 400, "body_unclear", "subject"),
            ({"data": {"a": 1}}, 400, "data_without_template", "data"),
            ({"template": "unknown"}, 400, "body_unclear", "subject"),
            ({"expires_in": 5}, 422, "request_malformed", "expires_in"),
            ({"surprise": 1}, 422, "request_malformed", "surprise"),
        ):
            refused = problem(await ask(tienda, "one", **WHOLE | change), status, code)
            assert refused.get("place", "") == place, change
        problem(await ask(tienda, "one", user_id="ana", basis="contract", template="unknown"), 400, "message_unknown")
        missing = await tienda.client.post("/api/v1/messages", json=WHOLE, headers=tienda.secret)
        assert problem(missing, 422, "request_malformed")["place"] == "header.Idempotency-Key"
        assert (await ask(tienda, "one", **WHOLE)).status_code == 202

    tell(story)


def test_who_was_forgotten_is_not_written_to_and_the_old_request_is_not_answered_as_if_they_were():
    async def story(tienda):
        await told(tienda)
        sent = (await ask(tienda, "one", **WHOLE)).json()
        await tienda.delete("/customers/ana")
        problem(await ask(tienda, "one", **WHOLE), 410, "customer_erased")
        whole = {name: value for name, value in WHOLE.items() if name != "user_id"}
        problem(await ask(tienda, "two", **whole | {"customer": sent["customer"]}), 410, "customer_erased")
        problem(await ask(tienda, "three", **WHOLE), 404, "customer_unknown")
        assert not [row for row in tienda.world.tables.messages.values() if row.status is OutboxStatus.PENDING]

    tell(story)


def test_one_shop_s_keys_customers_and_stories_mean_nothing_in_another():
    async def story(tienda):
        await told(tienda)
        first = (await ask(tienda, "one", **WHOLE)).json()
        other = await open_workspace(
            "Tienda Sur", timezone="Europe/Madrid", locale="es-ES", sandbox=False, workspaces=tienda.workspaces, chance=secrets.token_bytes
        )
        tienda.secret = {"authorization": f"Bearer {other.secret_key}"}
        body = {name: value for name, value in WHOLE.items() if name != "user_id"}
        problem(await ask(tienda, "one", **WHOLE), 404, "customer_unknown")
        problem(await ask(tienda, "one", **body, customer=first["customer"]), 404, "customer_unknown")
        problem(await tienda.get(f"/messages/{first['message']}/story"), 404, "message_unknown")
        problem(await tienda.post("/decide", {"customer": first["customer"]}), 404, "customer_unknown")
        theirs = await ask(tienda, "one", **body, email="ana@example.com")
        assert theirs.status_code == 202
        assert theirs.json()["customer"] != first["customer"]

    tell(story)


def test_who_was_joined_with_somebody_is_written_to_as_who_they_are_now():
    async def story(tienda):
        await told(tienda)
        await tienda.send("identify", userId="ana-old")
        await tienda.work()
        old = (await tienda.get("/customers/ana-old")).json()["customer"]
        now = (await tienda.get("/customers/ana")).json()["customer"]
        joined = await tienda.post("/merges", {"loser": "ana-old", "winner": "ana"})
        assert joined.status_code < 300, joined.text
        await tienda.work()
        body = {name: value for name, value in WHOLE.items() if name != "user_id"}
        sent = await ask(tienda, "one", **body, customer=old)
        assert (sent.status_code, sent.json()["customer"]) == (202, now)

    tell(story)


def test_a_message_s_story_is_told_over_the_api_in_both_languages():
    async def story(tienda):
        await told(tienda)
        sent = (await ask(tienda, "one", **WHOLE)).json()
        found = (await tienda.get(f"/messages/{sent['message']}/story")).json()
        assert (found["status"], found["stands"], [each["kind"] for each in found["steps"]]) == ("pending", "pending", ["speak"])
        assert found["known"].keys() == found["steps"][0]["sentence"].keys() == {"es", "en"}
        await tienda.post("/customers/ana/suppressions", {"channel": "email", "reason": "hard_bounce", "actor": "shop"})
        silent = (await ask(tienda, "two", **WHOLE)).json()
        found = (await tienda.get(f"/messages/{silent['message']}/story")).json()
        assert (found["status"], found["stands"], found["steps"][0]["what"]) == (None, "silence", "suppressed")
        assert "rebote" in found["steps"][0]["sentence"]["es"]

    tell(story)


def test_a_write_key_may_not_send():
    async def story(tienda):
        await told(tienda)
        headers = {"authorization": f"Bearer {tienda.write_key}", "Idempotency-Key": "one"}
        problem(await tienda.client.post("/api/v1/messages", json=WHOLE, headers=headers), 403, "secret_key_needed")

    tell(story)
