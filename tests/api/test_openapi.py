"""Whether the OpenAPI document tells the truth, whole."""

import json
from typing import Any

import pytest
import schemathesis
from pydantic import BaseModel, Field

from api.errors import STATUS
from api.openapi import ALL, document
from api.openapi_parts import LINKED, REFUSALS
from api.schemas import CreateCanvas, ManyJobs
from tests.api.described import METHODS, as_documented, assert_valid, resolved, told, validator

PLACES = ("/openapi.json", "/api/ai-agent/openapi.json")


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    paths = told()["paths"].items()
    return [(path, method, item[method]) for path, item in paths for method in METHODS if method in item]


def test_it_is_an_openapi_document():
    schemathesis.openapi.from_dict(told()).validate()
    assert told()["openapi"].startswith("3.1.")


def test_every_route_is_described_and_every_description_has_its_route(yard):
    rules = [
        rule for rule in yard.client.application.url_map.iter_rules() if not rule.endpoint.startswith("dashboard.")
    ]
    routes = {(m.lower(), as_documented(rule.rule)) for rule in rules for m in rule.methods - {"HEAD", "OPTIONS"}}
    assert routes == {(method, path) for path, method, _ in operations()}


def test_every_operation_has_a_name_of_its_own():
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(set(names)) == len(names)
    assert set(LINKED) <= set(names)


def test_every_refusal_that_we_know_is_described():
    assert {status.value for status in STATUS.values()} | {500} <= set(REFUSALS)


def test_every_bound_is_told_in_the_words_of_json_schema():
    text = json.dumps(told())  # pydantic writes "ge" for a bound that stands after a validator of ours
    assert not [word for word in ("ge", "gt", "le", "lt") if f'"{word}": ' in text]


@pytest.mark.parametrize("place", PLACES)
def test_anybody_may_read_it(yard, place):
    answer = yard.client.get(place)
    assert answer.status_code == 200
    assert answer.get_json() == json.loads(json.dumps(told()))
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("place", [*PLACES, "/docs"])
def test_who_has_it_already_gets_it_no_second_time(yard, place):
    etag = yard.client.get(place).headers["ETag"]
    again = yard.client.get(place, headers={"If-None-Match": etag})
    assert (again.status_code, again.data) == (304, b"")
    assert yard.client.get(place, headers={"If-None-Match": '"another"'}).status_code == 200


def test_every_example_of_a_body_is_valid_and_taken(yard):
    for path, _, operation in operations():
        for content in operation.get("requestBody", {}).get("content", {}).values():
            assert content["examples"]
            for example in content["examples"].values():
                assert_valid(example["value"], content["schema"]["$ref"])
                assert yard.client.post(path, json=example["value"], headers=signed(yard)).status_code in (200, 202)


def signed(yard) -> dict[str, str]:
    return {"Authorization": yard.get("/livez", "op-root").request.headers["Authorization"]}


def test_every_example_of_a_refusal_is_an_error():
    for response in told()["components"]["responses"].values():
        assert_valid(response["content"]["application/json"]["example"], "#/components/schemas/Error")


def test_every_example_of_a_parameter_or_header_is_valid():
    about = told()["components"]
    for group in ("parameters", "headers"):
        for name, one in about[group].items():
            if "example" in one:
                assert_valid(one["example"], f"#/components/{group}/{name}/schema")


def test_what_a_job_type_takes_is_told_by_its_own_model():
    class Sum(BaseModel):
        numbers: list[int] = Field(max_length=3)

    schemas = document({"sum": Sum, "any": None})["components"]["schemas"]
    for job in (schemas["AnyJob"], schemas["BulkJob"]):
        requests = {
            kind["properties"]["job_type"]["const"]: kind["properties"]["request_data"] for kind in job["oneOf"]
        }
        assert requests == {
            "sum": {"$ref": "#/components/schemas/Sum"},
            "any": {"$ref": "#/components/schemas/AnyObject"},
        }
    assert schemas["Sum"]["properties"]["numbers"]["maxItems"] == 3


def test_a_team_s_model_may_have_the_name_of_one_of_ours():
    class Job(BaseModel):
        theirs: int

    schemas = document({"job": Job})["components"]["schemas"]
    assert any("theirs" in schema.get("properties", ()) for schema in schemas.values())
    assert any("queue_position" in schema.get("properties", ()) for schema in schemas.values())


def test_a_model_that_json_schema_cannot_tell_is_left_open():
    class Odd(BaseModel):
        call: type[int]

        model_config = {"arbitrary_types_allowed": True}

    assert document({"odd": Odd})["components"]["schemas"]["Odd"]["properties"]["call"] == {}


BLANKS = ["", " ", "\t\n\r\x0b\x0c", "\u0085", "\u00a0", "\u1680", "\u2000\u200a", "\u2028\u2029", "\u202f\u205f\u3000"]
TEXTS = ["x", " x ", "\ufeff", "\u200b", "\x1c", "\x1f", "a\nb", "\u180e"]


@pytest.mark.parametrize("text", [*BLANKS, *TEXTS, "a\x00b", "x" * 1000, "x" * 1001])
def test_the_document_and_the_route_agree_on_what_a_text_is(yard, text):
    said = validator("#/components/schemas/CreateCanvas").is_valid({"instructions": text})
    assert (yard.canvas(instructions=text).status_code == 202) is said


@pytest.mark.parametrize("model", [CreateCanvas, ManyJobs])
def test_nothing_unknown_is_let_in(model):
    assert told()["components"]["schemas"][model.__name__]["additionalProperties"] is False


@pytest.mark.parametrize("status", [401, 503])
def test_a_refusal_that_says_when_or_how_to_come_back_shows_the_header(status):
    assert len(resolved({"$ref": f"#/components/responses/{REFUSALS[status].name}"})["headers"]) == 2


def test_only_what_anybody_may_ask_needs_no_token():
    public = {path.rstrip("/").rpartition("/")[2] for (_, path), one in ALL.items() if one.needs is None}
    assert public == {"livez", "readyz", "health", "openapi.json", "docs", "session", "socket.io"}
