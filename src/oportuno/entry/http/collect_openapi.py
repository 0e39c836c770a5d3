"""The collector as the API's description tells it: paths and components to be merged into ``/openapi.json``."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from oportuno.entry.http.collect import Receipt
from oportuno.entry.http.problems import MEDIA_TYPE, Problem

_SUMMARIES: Final = {
    "identify": "Say who a customer is and what is known of them",
    "track": "Say that something happened",
    "page": "Say that a page was looked at",
    "screen": "Say that a screen of an app was looked at",
    "group": "Say that a customer belongs to a group",
    "alias": "Say that two ids mean one customer; kept as an event",
}
_OWN_FIELDS: Final[dict[str, dict[str, Any]]] = {
    "identify": {"traits": {"type": "object"}},
    "track": {"event": {"type": "string", "maxLength": 200}, "properties": {"type": "object"}},
    "page": {"name": {"type": "string", "maxLength": 200}, "properties": {"type": "object"}},
    "screen": {"name": {"type": "string", "maxLength": 200}, "properties": {"type": "object"}},
    "group": {"groupId": {"type": "string", "maxLength": 200}, "traits": {"type": "object"}},
    "alias": {"previousId": {"type": "string", "maxLength": 200}},
}
_MOMENT: Final = {"type": "string", "format": "date-time"}
_COMMON: Final[dict[str, Any]] = {
    "userId": {"type": ["string", "integer", "null"], "description": "userId or anonymousId is needed"},
    "anonymousId": {"type": ["string", "integer", "null"]},
    "messageId": {"type": "string", "description": "Keep it over retries: an id is applied once"},
    "timestamp": _MOMENT,
    "originalTimestamp": _MOMENT,
    "sentAt": _MOMENT,
    "context": {
        "type": "object",
        "description": 'With a secret key, "oportuno": {"source": "import"} marks history: it folds the profile and speaks to nobody',
    },
    "integrations": {"type": "object"},
    "writeKey": {"type": "string", "description": "The write key, where no Authorization header can be sent"},
}
_FAULTS: Final = {
    "400": "The body cannot be read at all; `place` says where",
    "401": "No key, or one that we do not know",
    "403": "The key may not do this: a secret key in a web page",
    "405": "This address knows other methods",
    "408": "The body did not come in time",
    "413": "More than 500 KB, 10,000 items, or 32 KB in a single call",
    "415": "Compressed in a way other than gzip",
    "429": "Too much at once; nothing of it was stored. Retry-After says how many seconds to wait",
    "500": "A fault of ours; nothing of it was acknowledged",
    "503": "The store is gone for the moment; nothing of it was acknowledged",
}
_KEY: Final[dict[str, Any]] = {"name": "writeKey", "in": "query", "required": False, "schema": {"type": "string", "maxLength": 200}}
_JSON_OBJECT: Final[dict[str, Any]] = {"application/json": {"schema": {"type": "object"}}}
_RETRY_AFTER: Final = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds to wait"}}


def _answers() -> dict[str, Any]:
    problem = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    answers: dict[str, Any] = {
        "200": {
            "description": "Every item is stored: as an event, or as a reject that can be looked at and replayed for 30 days",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Receipt"}}},
        }
    }
    for status, description in _FAULTS.items():
        if status == "405":
            continue
        answers[status] = {"description": description, "content": problem}
        if status in {"429", "503"}:
            answers[status]["headers"] = _RETRY_AFTER
    return answers


def _path(name: str, summary: str, schema: str) -> dict[str, Any]:
    content = {"schema": {"$ref": f"#/components/schemas/{schema}"}}
    return {
        "post": {
            "operationId": f"collect_{name}",
            "summary": summary,
            "tags": ["collect"],
            "security": [{"writeKey": []}, {"secretKey": []}, {}],
            "requestBody": {"required": True, "content": {"application/json": content, "text/plain": content}},
            "responses": _answers(),
        },
        "options": _preflight(name),
    }


def _preflight(name: str) -> dict[str, Any]:
    return {
        "operationId": f"preflight_{name}",
        "summary": "Let a web page of any origin send this",
        "tags": ["collect"],
        "responses": {"204": {"description": "It may"}},
    }


def _asked(name: str, summary: str, parameter: dict[str, Any]) -> dict[str, Any]:
    """Describe what a library asks for before it sends."""
    problem = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    answers: dict[str, Any] = {
        status: {"description": _FAULTS[status], "content": problem} for status in ("401", "403", "405", "429", "500", "503")
    }
    for status in ("429", "503"):
        answers[status]["headers"] = _RETRY_AFTER
    answers["200"] = {"description": "As the library expects it", "content": _JSON_OBJECT}
    return {
        "get": {
            "operationId": f"collect_{name}",
            "summary": summary,
            "tags": ["collect"],
            "security": [{"writeKey": []}, {}],
            "parameters": [parameter],
            "responses": answers,
        },
        "options": _preflight(name),
    }


def _schemas() -> dict[str, Any]:
    _, schemas = msgspec.json.schema_components([Problem, Receipt], ref_template="#/components/schemas/{name}")
    for name, fields in _OWN_FIELDS.items():
        schemas[f"{name.capitalize()}Call"] = {"type": "object", "properties": {**fields, **_COMMON}}
    schemas["Metrics"] = {"type": "object", "properties": {"series": {"type": "array"}}}
    schemas["Batch"] = {
        "type": "object",
        "required": ["batch"],
        "properties": {
            "batch": {
                "type": "array",
                "maxItems": 10_000,
                "items": {"type": "object", "description": "A call with its `type`; at most 32 KB"},
            },
            **{field: _COMMON[field] for field in ("sentAt", "context", "integrations", "writeKey")},
        },
    }
    return schemas


def _describe() -> dict[str, Any]:
    paths = {f"/v1/{name}": _path(name, summary, f"{name.capitalize()}Call") for name, summary in _SUMMARIES.items()}
    paths["/v1/batch"] = _path("batch", "Send many calls at once", "Batch")
    paths["/v1/import"] = _path("import", "Send what happened in the past; with a secret key, nothing of it starts anything", "Batch")
    paths["/beacon/v1/batch"] = _path("beacon", "Send a batch from a page that closes, with the write key in the address", "Batch")
    paths["/beacon/v1/batch"]["post"]["parameters"] = [_KEY]
    paths["/v1/m"] = _path("m", "Send how a library fares; it is not kept", "Metrics")
    paths["/v1/m"]["post"]["responses"]["200"] = {"description": "Heard", "content": _JSON_OBJECT}
    write_key = {"name": "write_key", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1, "maxLength": 200}}
    paths["/v1/projects/{write_key}/settings"] = _asked("settings", "Ask for the settings of Segment's browser libraries", write_key)
    paths["/sourceConfig"] = _asked("source", "Ask for the source of RudderStack's libraries", _KEY)
    return {
        "paths": paths,
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {
                "writeKey": {"type": "http", "scheme": "basic", "description": "The write key as user name, no password"},
                "secretKey": {"type": "http", "scheme": "bearer", "description": "A secret key, from servers only"},
            },
        },
    }


COLLECT_OPENAPI: Final[dict[str, Any]] = _describe()
"""``paths`` and ``components``."""
