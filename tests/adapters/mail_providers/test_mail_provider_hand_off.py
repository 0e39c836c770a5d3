"""Each mail provider gets the mail as it should be, and every way it can behave is one of four outcomes."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import socket
import time
from datetime import UTC, datetime
from email import message_from_bytes, policy
from typing import Any

import pytest
from http_sink import HttpScript, Taken, http_sink
from hurried import hurry
from words import MOMENT, NO_HURRY, message, rendered

from oportuno.adapters.mail_providers import KINDS, MailProvider, check_settings, open_provider
from oportuno.adapters.mail_providers.outcomes import CODES, STATUSES, of_answer, of_failure
from oportuno.adapters.mail_providers.sigv4 import Credentials, signed_headers, signing_key
from oportuno.adapters.webhook.outcomes import Stage
from oportuno.channels.channel import NOT_BEGUN, Answer, Outcome, Window
from oportuno.kit.faults import BadInput
from oportuno.kit.ids import write_id
from oportuno.kit.times import SECOND

ANA = "ana@example.com"
SETTINGS: dict[str, dict[str, str]] = {
    "ses": {"region": "eu-west-1", "access_key": "AKIDEXAMPLE", "secret_key": "hush-ses", "configuration_set": "tienda"},
    "sendgrid": {"api_key": "SG.hush"},
    "mailgun": {"domain": "tienda.example", "api_key": "hush-mailgun"},
    "postmark": {"server_token": "hush-postmark"},
}


def answered(status: str, body: dict[str, Any] | None = None, **headers: str) -> bytes:
    raw = b"" if body is None else json.dumps(body).encode()
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status}\r\n{head}content-length: {len(raw)}\r\n\r\n".encode() + raw


TAKES: dict[str, tuple[bytes, str]] = {
    "ses": (answered("200 OK", {"MessageId": "0102018f-abc-000000"}), "0102018f-abc-000000"),
    "sendgrid": (answered("202 Accepted", x_message_id="LRzXl_NHStOGhQ4kofSm_A"), "LRzXl_NHStOGhQ4kofSm_A"),
    "mailgun": (answered("200 OK", {"id": "<20261121.1@tienda.example>", "message": "Queued."}), "20261121.1@tienda.example"),
    "postmark": (answered("200 OK", {"ErrorCode": 0, "Message": "OK", "MessageID": "b7bc2f4a-e38e-4336"}), "b7bc2f4a-e38e-4336"),
}
"""What each answers when it takes a mail, and the id that we keep of it."""
KIND = pytest.mark.parametrize("kind", sorted(KINDS))


def way(kind: str, port: int, **more: Any) -> MailProvider:
    settings = SETTINGS[kind] | {"endpoint": f"http://127.0.0.1:{port}"} | more.pop("settings", {})
    ways: dict[str, Any] = {"monotonic": time.monotonic, "wall": lambda: MOMENT, "allow_loopback": True, "patience": 30.0}
    return open_provider(kind, settings, **{**ways, **more})


def hand_off(kind: str, script: HttpScript, **more: Any) -> Answer:
    async def story() -> Answer:
        async with http_sink(script) as port:
            provider = way(kind, port, **more)
            answer = await provider.hand_off(message(), rendered(), ANA, NO_HURRY)
            await provider.close()
            return answer

    return hurry(story())


def taken(kind: str, **more: Any) -> Taken:
    script = HttpScript(TAKES[kind][0])
    answer = hand_off(kind, script, **more)
    assert (answer.outcome, answer.provider_ref) == (Outcome.ACCEPTED, TAKES[kind][1])
    [request] = script.taken
    return request


# ── What each is given ──────────────────────────────────────────────────────────────────────────────────────────────


def judge_headers(headers: dict[str, str]) -> None:
    """Both List-Unsubscribe headers are there, and the mail has its one Message-ID."""
    assert headers["List-Unsubscribe"] == rendered().headers["List-Unsubscribe"]
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert headers["Message-ID"] == f"<{write_id('msg', message().id)}@tienda.example>"


def judge_mail(raw: bytes) -> None:
    mail = message_from_bytes(raw, policy=policy.SMTP)
    judge_headers({name: mail[name] for name in ("List-Unsubscribe", "List-Unsubscribe-Post", "Message-ID")})
    assert (mail["To"], mail["Subject"]) == (ANA, rendered().subject)
    assert mail["From"] == '"Tienda Norte, S. L." <hola@tienda.example>'


def test_ses_is_given_the_whole_mail_under_a_signature() -> None:
    request = taken("ses")
    assert request.line == "POST /v2/email/outbound-emails HTTP/1.1"
    said = json.loads(request.body)
    judge_mail(base64.b64decode(said["Content"]["Raw"]["Data"]))
    assert said["Destination"] == {"ToAddresses": [ANA]}
    assert said["ConfigurationSetName"] == "tienda"
    assert said["EmailTags"] == [{"Name": "oportuno_message", "Value": write_id("msg", message().id)}]
    mine = Credentials("AKIDEXAMPLE", "hush-ses", "eu-west-1", "ses")
    given = {"host": request.headers["host"], "content-type": "application/json"}
    again = signed_headers(mine, method="POST", path="/v2/email/outbound-emails", headers=given, body=request.body, at=MOMENT)
    assert request.headers["authorization"] == again["authorization"]


def test_sendgrid_is_given_the_mail_in_parts_and_adds_nothing() -> None:
    request = taken("sendgrid")
    assert (request.line, request.headers["authorization"]) == ("POST /v3/mail/send HTTP/1.1", "Bearer SG.hush")
    said = json.loads(request.body)
    judge_headers(said["headers"])
    assert said["personalizations"] == [{"to": [{"email": ANA}], "custom_args": {"oportuno_message": write_id("msg", message().id)}}]
    assert said["from"] == {"email": "hola@tienda.example", "name": "Tienda Norte, S. L."}
    assert said["reply_to"] == {"email": "ayuda@tienda.example", "name": "Atención al cliente"}
    assert [part["type"] for part in said["content"]] == ["text/plain", "text/html"]
    assert not any(each["enable"] for each in said["tracking_settings"].values())


def test_mailgun_is_given_the_whole_mail_and_our_id() -> None:
    request = taken("mailgun")
    assert request.line == "POST /v3/tienda.example/messages.mime HTTP/1.1"
    assert base64.b64decode(request.headers["authorization"].removeprefix("Basic ")) == b"api:hush-mailgun"
    form = message_from_bytes(b"content-type: " + request.headers["content-type"].encode() + b"\r\n\r\n" + request.body, policy=policy.HTTP)
    bare = {part.get_param("name", header="content-disposition"): part for part in form.iter_parts()}
    assert bare["to"].get_content().strip() == ANA
    assert bare["v:oportuno_message"].get_content().strip() == write_id("msg", message().id)
    assert bare["o:tracking"].get_content().strip() == "no"
    boundary = b"--" + request.headers["content-type"].partition("boundary=")[2].encode()
    judge_mail(request.body.split(boundary)[-2].partition(b"\r\n\r\n")[2])


def test_postmark_is_given_the_mail_in_parts_and_keeps_our_message_id() -> None:
    request = taken("postmark")
    assert (request.line, request.headers["x-postmark-server-token"]) == ("POST /email HTTP/1.1", "hush-postmark")
    said = json.loads(request.body)
    headers = {each["Name"]: each["Value"] for each in said["Headers"]}
    judge_headers(headers)
    assert headers["X-PM-KeepID"] == "true"
    assert (said["To"], said["From"]) == (ANA, '"Tienda Norte, S. L." <hola@tienda.example>')
    assert said["Metadata"] == {"oportuno_message": write_id("msg", message().id)}
    assert (said["MessageStream"], said["TrackOpens"], said["TrackLinks"]) == ("broadcast", False, "None")


@KIND
def test_no_secret_is_in_an_answer(kind: str) -> None:
    for told in (TAKES[kind][0], "401 Unauthorized", "reset"):
        assert "hush" not in repr(hand_off(kind, HttpScript(told)))


# ── Four outcomes ───────────────────────────────────────────────────────────────────────────────────────────────────

NOW, GOOD, UNKNOWN = Outcome.REFUSED_FOR_NOW, Outcome.REFUSED_FOR_GOOD, Outcome.UNKNOWN


@KIND
@pytest.mark.parametrize(
    ("told", "outcome", "about"),
    [
        ("400 Bad Request", GOOD, "message"),
        ("401 Unauthorized", NOW, "provider"),
        ("403 Forbidden", NOW, "provider"),
        ("413 Too Large", GOOD, "message"),
        ("408 Request Timeout", UNKNOWN, "message"),
        ("425 Too Early", NOW, "provider"),
        ("429 Too Many Requests\r\nretry-after: 7", NOW, "provider"),
        ("503 Service Unavailable\r\nretry-after: 7", NOW, "provider"),
        ("503 Service Unavailable", UNKNOWN, "message"),
        ("500 Internal Server Error", UNKNOWN, "message"),
        ("502 Bad Gateway", UNKNOWN, "message"),
        ("504 Gateway Timeout", UNKNOWN, "message"),
        ("302 Found", GOOD, "message"),
        ("reset", UNKNOWN, "message"),
        ("reset early", UNKNOWN, "message"),
        ("hang", UNKNOWN, "message"),
        (b"this is not HTTP\r\n\r\n", UNKNOWN, "message"),
    ],
)
def test_every_ending_is_one_of_four_at_each_provider(kind: str, told: str | bytes, outcome: Outcome, about: str) -> None:
    answer = hand_off(kind, HttpScript(told))
    assert (answer.outcome, answer.about) == (outcome, about)
    assert answer.retry_after == (7 * SECOND if "retry-after" in str(told) else None)


@pytest.mark.parametrize(
    ("kind", "told", "outcome", "about"),
    [
        ("ses", answered("400 Bad Request", {"message": "x"}, x_amzn_errortype="TooManyRequestsException:http://x/"), NOW, "provider"),
        ("ses", answered("400 Bad Request", {"__type": "com.amazonaws#SendingPausedException"}), NOW, "provider"),
        ("ses", answered("400 Bad Request", {"message": "x"}, x_amzn_errortype="MessageRejected"), GOOD, "message"),
        ("ses", answered("500 Oh", {"message": "x"}, x_amzn_errortype="TooManyRequestsException"), UNKNOWN, "message"),
        ("postmark", answered("422 Unprocessable Entity", {"ErrorCode": 406, "Message": "inactive"}), GOOD, "message"),
        ("postmark", answered("422 Unprocessable Entity", {"ErrorCode": 405, "Message": "no credits"}), NOW, "provider"),
        ("postmark", answered("422 Unprocessable Entity", {"ErrorCode": 99999}), GOOD, "message"),
        ("postmark", answered("503 Service Unavailable", {"ErrorCode": 100}), NOW, "provider"),
        ("postmark", answered("500 Oh", {"ErrorCode": 405}), UNKNOWN, "message"),
        ("mailgun", answered("402 Payment Required", {"message": "x"}), NOW, "provider"),
    ],
)
def test_an_error_code_says_more_than_the_status_where_it_can_be_believed(kind: str, told: bytes, outcome: Outcome, about: str) -> None:
    answer = hand_off(kind, HttpScript(told))
    assert (answer.outcome, answer.about) == (outcome, about)


def test_sendgrid_says_when_its_window_begins_anew() -> None:
    reset = int(MOMENT.timestamp()) + 30
    assert hand_off("sendgrid", HttpScript(answered("429 Too Many", x_ratelimit_reset=str(reset)))).retry_after == 30 * SECOND


@KIND
def test_a_provider_that_is_not_there_is_refused_for_now(kind: str) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # bound and not listening: nobody answers there
        provider = way(kind, bound.getsockname()[1])
        answer = asyncio.run(provider.hand_off(message(), rendered(), ANA, NO_HURRY))
    assert (answer.outcome, answer.about) == (NOW, "provider")


@KIND
def test_tls_that_fails_is_refused_for_now(kind: str) -> None:
    async def story() -> Answer:
        async with http_sink(HttpScript()) as port:
            provider = way(kind, port, settings={"endpoint": f"https://127.0.0.1:{port}"})
            return await provider.hand_off(message(), rendered(), ANA, NO_HURRY)

    answer = asyncio.run(asyncio.wait_for(story(), 300))
    assert (answer.outcome, answer.about) == (NOW, "provider")


@KIND
def test_nothing_begins_after_its_window(kind: str) -> None:
    script = HttpScript(TAKES[kind][0])

    async def story() -> Answer:
        async with http_sink(script) as port:
            provider = way(kind, port, monotonic=lambda: 1.0)
            answer = await provider.hand_off(message(), rendered(), ANA, Window(0.5, 60.0))
            await provider.close()
            return answer

    assert asyncio.run(asyncio.wait_for(story(), 300)) == NOT_BEGUN
    assert script.taken == []


@KIND
def test_a_mail_that_cannot_be_built_is_refused_for_good_and_nothing_is_sent(kind: str) -> None:
    script = HttpScript(TAKES[kind][0])

    async def story() -> Answer:
        async with http_sink(script) as port:
            return await way(kind, port).hand_off(message(), rendered(), "no address", NO_HURRY)

    answer = asyncio.run(asyncio.wait_for(story(), 300))
    assert (answer.outcome, answer.detail, script.connections) == (GOOD, "address_malformed recipient", 0)


@KIND
def test_nothing_is_refused_for_now_unless_a_table_names_it(kind: str) -> None:
    for status in range(100, 600):
        answer = of_answer(kind, status, "", stage=Stage.SENT, retry_after="", now=MOMENT)
        assert (answer.outcome is NOW) == (status in STATUSES)
        unknown = of_answer(kind, status, "no such code", stage=Stage.SENT, retry_after="", now=MOMENT)
        assert (unknown.outcome, unknown.detail) == (answer.outcome, answer.detail)
        for code in CODES[kind]:
            failed = of_answer(kind, status, code, stage=Stage.SENT, retry_after="", now=MOMENT)
            assert status < 500 or failed.outcome is not NOW or (kind, code) == ("postmark", "100")
            assert status >= 300 or failed.outcome is answer.outcome or (kind, code) == ("postmark", "100")
    for stage in (Stage.SENDING, Stage.SENT):
        for broke in ("timeout", "reset", "malformed", "refused", "anything"):
            assert of_failure(kind, stage, broke).outcome is UNKNOWN


# ── Settings ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("kind", "settings", "code", "place"),
    [
        ("pigeon", {}, "provider_kind_unknown", "kind"),
        ("ses", {"region": "eu-west-1", "access_key": "A"}, "provider_setting_missing", "secret_key"),
        ("sendgrid", {"api_key": ""}, "provider_setting_missing", "api_key"),
        ("sendgrid", {"api_key": "x", "colour": "red"}, "provider_setting_unknown", "colour"),
        ("sendgrid", {"api_key": "x\r\nx-evil: 1"}, "provider_setting_malformed", "api_key"),
        ("ses", {"region": "evil.example/", "access_key": "A", "secret_key": "B"}, "provider_setting_malformed", "region"),
        ("mailgun", {"domain": "../../v4", "api_key": "x"}, "provider_setting_malformed", "domain"),
        ("mailgun", {"domain": "tienda.example", "api_key": "x", "region": "mars"}, "provider_setting_malformed", "region"),
        ("postmark", {"server_token": "x", "endpoint": "http://mail.example"}, "provider_endpoint_malformed", "endpoint"),
        ("postmark", {"server_token": "x", "endpoint": "file:///etc"}, "provider_endpoint_malformed", "endpoint"),
    ],
)
def test_settings_by_which_nothing_can_be_sent_are_named(kind: str, settings: dict[str, str], code: str, place: str) -> None:
    with pytest.raises(BadInput) as caught:
        check_settings(kind, settings)
    assert (caught.value.code, caught.value.place) == (code, place)


def test_an_endpoint_inside_is_not_reached() -> None:
    provider = open_provider(
        "postmark",
        SETTINGS["postmark"] | {"endpoint": "https://127.0.0.1:9000"},
        monotonic=time.monotonic,
        wall=lambda: MOMENT,
    )
    answer = asyncio.run(provider.hand_off(message(), rendered(), ANA, NO_HURRY))
    assert (answer.outcome, answer.about, answer.detail) == (NOW, "provider", "postmark webhook_address_forbidden")


# ── AWS's signature, by the vectors that AWS publishes ──────────────────────────────────────────────────────────────

_EXAMPLE = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "us-east-1", "service")
_THEN = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)


@pytest.mark.parametrize(
    ("method", "signature"),
    [
        ("GET", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("POST", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
    ],
)
def test_a_request_is_signed_as_published(method: str, signature: str) -> None:
    signed = signed_headers(_EXAMPLE, method=method, path="/", headers={"Host": "example.amazonaws.com"}, body=b"", at=_THEN)
    found = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=(.+), SignedHeaders=(.+), Signature=(.+)", signed["authorization"])
    assert found is not None
    assert found.groups() == ("AKIDEXAMPLE/20150830/us-east-1/service/aws4_request", "host;x-amz-date", signature)


def test_a_day_s_key_is_derived_as_published() -> None:
    key = signing_key(_EXAMPLE._replace(service="iam"), "20150830")
    assert key.hex() == "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"
