"""What mail providers post about a mail to Ana, in the shapes that each documents; written here, with the fields that matter."""

from __future__ import annotations

import copy
from typing import Any

from oportuno.kit.ids import derive, write_id

MESSAGE = derive("a mail to Ana")
MSG = write_id("msg", MESSAGE)
ANA = "ana@example.com"
NOW = 1_795_255_200_000  # 2026-11-21T10:00:00Z
AT = NOW - 60_000
ISO = "2026-11-21T09:59:00.000Z"
SES_ID = "0102019aa000-6d1b2c3d-000000"


def ses(kind: str, **parts: Any) -> dict[str, Any]:
    mail = {"timestamp": "2026-11-21T09:58:00.000Z", "messageId": SES_ID, "destination": [ANA], "tags": {"oportuno_message": [MSG]}}
    return {"eventType": kind, "mail": mail, **copy.deepcopy(parts)}


def ses_bounce(kind: str, subtype: str, *, status: str = "", words: str = "") -> dict[str, Any]:
    recipient = {"emailAddress": ANA, "action": "failed", "status": status, "diagnosticCode": words}
    bounce = {"bounceType": kind, "bounceSubType": subtype, "bouncedRecipients": [recipient], "timestamp": ISO, "feedbackId": "f-1"}
    return ses("Bounce", bounce=bounce)


def ses_complaint(**more: Any) -> dict[str, Any]:
    return ses("Complaint", complaint={"complainedRecipients": [{"emailAddress": ANA}], "timestamp": ISO, "feedbackId": "f-2"} | more)


def sendgrid(kind: str, **more: Any) -> dict[str, Any]:
    named = {"sg_event_id": f"ev-{kind}", "sg_message_id": "LRzXl_NHStOGhQ4kofSm_A.filterdrecv-1-2.0", "oportuno_message": MSG}
    return {"email": ANA, "timestamp": AT // 1000, "event": kind} | named | more


def mailgun(kind: str, **more: Any) -> dict[str, Any]:
    event = {
        "event": kind, "id": f"mg-{kind}", "timestamp": AT / 1000, "recipient": ANA, "user-variables": {"oportuno_message": MSG},
        "message": {"headers": {"message-id": "20261121.1@tienda.example", "to": ANA}},
    }  # fmt: skip
    return {"signature": {}, "event-data": event | more}


def mailgun_failed(severity: str, reason: str, **ended: Any) -> dict[str, Any]:
    return mailgun("failed", severity=severity, reason=reason, **{"delivery-status": ended})


def postmark(kind: str, **more: Any) -> dict[str, Any]:
    named = {"MessageID": "b7bc2f4a-e38e-4336", "Metadata": {"oportuno_message": MSG}, "MessageStream": "broadcast"}
    return {"RecordType": kind} | named | more


def postmark_bounce(kind: str, details: str = "") -> dict[str, Any]:
    said = {"ID": 42, "Type": kind, "Email": ANA, "BouncedAt": "2026-11-21T09:59:00.0000000Z", "Details": details, "Inactive": True}
    return postmark("Bounce", **said)
