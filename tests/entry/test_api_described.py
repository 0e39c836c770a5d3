"""The description of the HTTP side is exact: whatever is sent, no 5xx and no answer that is not described."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest
import schemathesis
from api_house import tell, tienda_norte
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

from oportuno.kit.times import MINUTE

_EXAMPLES = 12
_CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def tienda():
    """Tienda Norte, open for the module, with somebody to find."""
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        opened = runner.run(stack.enter_async_context(tienda_norte()))
        opened.known = runner.run(_something_to_find(opened))
        yield opened
        runner.run(stack.aclose())


async def _something_to_find(tienda):
    await tienda.leave_a_cart("ana")
    await tienda.say_yes("ana")
    await tienda.pass_time(31 * MINUTE)
    await tienda.client.post("/v1/batch", json={"batch": [{"type": "track"}]}, auth=(tienda.write_key, ""))
    message = (await tienda.get("/customers/ana/messages")).json()["items"][0]["message"]
    reject = (await tienda.get("/rejects")).json()["items"][0]["reject"]
    await tienda.send("identify", userId="carla")
    erased = (await tienda.delete("/customers/carla")).headers["location"].rpartition("/")[2]
    return {"customer": "ana", "message": message, "reject": reject, "journey": "abandoned-cart", "erased": erased}


def test_nothing_that_is_sent_gets_an_answer_that_is_not_described(tienda):
    schema = schemathesis.openapi.from_asgi("/openapi.json", tienda.house)
    known = tienda.known
    met = set()
    for found in schema.get_all_operations():
        operation = found.ok()

        @given(case=operation.as_strategy())
        @settings(
            max_examples=_EXAMPLES,
            deadline=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
            derandomize=True,
        )
        def keeps_to_its_description(case):
            key = tienda.write_key if case.operation.path.startswith("/v1/") else tienda.secret_key
            headers = {"Authorization": f"Bearer {key}"}
            case.call_and_validate(headers=headers, checks=_CHECKS)
            if case.method != "DELETE" and (names := known.keys() & case.path_parameters.keys()):
                case.path_parameters |= {name: known[name] for name in names}
                answer = case.call_and_validate(headers=headers, checks=_CHECKS)
                met.add((case.method, case.operation.path, answer.status_code))

        keeps_to_its_description()
    # Where ids are known, the answers are not only refusals.
    assert {path for _, path, status in met if status == 200} >= {path for method, path, _ in met if method == "GET"}


def test_every_route_is_described_and_every_reference_holds():
    async def story(tienda):
        whole = (await tienda.client.get("/openapi.json")).json()
        described = set(whole["paths"])
        assert {"/v1/batch", "/v1/track", "/api/v1/customers/{customer}", "/healthz", "/metrics"} <= described
        for route in tienda.house.rest.routes:
            path = getattr(route, "path", "")
            if path.startswith("/api/"):
                assert path in described
        known = whole["components"]["schemas"].keys()
        assert set(_references(whole)) <= known

    tell(story)


def _references(part):
    if isinstance(part, dict):
        for name, value in part.items():
            if name == "$ref":
                yield value.rsplit("/", 1)[1]
            else:
                yield from _references(value)
    elif isinstance(part, list):
        for each in part:
            yield from _references(each)
