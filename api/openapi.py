"""The OpenAPI 3.1 document: what the routes' operations tell, with the schemas of the models that validate."""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any, Literal

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from api import answers
from api.any_operations import ANY_JOBS
from api.build import VERSION
from api.control_operations import CONTROL
from api.fleet_operations import FLEET, SESSION
from api.job_operations import JOBS
from api.live_operations import LIVE
from api.openapi_parts import ABOUT, ANY, HEADERS, LINKED, PARAMETERS, REFUSALS, SECURITY_SCHEMES, TAGS, Refusal
from api.operations import JSON, Answer, Operation
from api.schemas import AnyJob, BulkJob
from api.service_operations import SERVICE

Json = dict[str, Any]
JobTypes = Mapping[str, type[BaseModel] | None]
Refs = Mapping[Any, Json]  # from a model or a TypedDict to {"$ref": ...}
SCHEMAS = "#/components/schemas/"
ALL: Mapping[tuple[str, str], Operation] = {**JOBS, **SERVICE, **CONTROL, **ANY_JOBS, **FLEET, **SESSION, **LIVE}


class _Generator(GenerateJsonSchema):
    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - none: "Job Id" above job_id tells nothing
        return False

    def handle_invalid_for_json_schema(
        self,
        schema: core_schema.CoreSchema,  # noqa: ARG002 - whatever it is
        error_info: str,  # noqa: ARG002
    ) -> JsonSchemaValue:
        """What a team's own model holds and JSON Schema cannot say is left open."""
        return {}


def document(job_types: JobTypes) -> Json:
    """`job_types` maps each job type to the model of its request; None: any JSON object."""
    refs, schemas = _schemas([*_shapes(ALL.values()), *(model for model in job_types.values() if model)])
    for model in (AnyJob, BulkJob):
        name = refs[model]["$ref"].removeprefix(SCHEMAS)
        schemas[name] = _by_type(schemas[name], {job_type: refs.get(of) for job_type, of in job_types.items()})
    return {
        "openapi": "3.1.0",
        "info": {**ABOUT, "version": VERSION},
        "servers": [{"url": "/"}],
        "tags": TAGS,
        "paths": _paths(refs, schemas),
        "components": {
            "schemas": dict(sorted((schemas | ANY).items())),
            "parameters": PARAMETERS,
            "headers": HEADERS,
            "responses": {one.name: _refusal(one, refs) for one in REFUSALS.values()},
            "securitySchemes": SECURITY_SCHEMES,
        },
    }


def _shapes(operations: Iterable[Operation]) -> list[Any]:
    found: list[Any] = [answers.Error, BulkJob]
    for one in operations:
        found += [one.body, one.query, *(answer.shape for answer in one.tells.values())]
    return [shape for shape in found if shape is not None]


def _schemas(shapes: Iterable[Any]) -> tuple[dict[Any, Json], dict[str, Json]]:
    """References to the shapes, and the schemas by their names."""
    mode: Literal["validation"] = "validation"
    asked = [(shape, mode, TypeAdapter(shape)) for shape in dict.fromkeys(shapes)]
    found, rest = TypeAdapter.json_schemas(asked, ref_template=f"{SCHEMAS}{{model}}", schema_generator=_Generator)
    return {shape: schema for (shape, _), schema in found.items()}, rest["$defs"]


def _by_type(job: Json, requests: Mapping[str, Json | None]) -> Json:
    """A job's schema once for each job type, with what its request may hold."""
    kinds = []
    for job_type, request in requests.items():
        kind = {**deepcopy(job), "title": job_type}
        kind["properties"] |= {
            "job_type": {"const": job_type},
            "request_data": request or {"$ref": f"{SCHEMAS}AnyObject"},
        }
        kinds.append(kind)
    return {"title": job["title"], "oneOf": kinds}


def _paths(refs: Refs, schemas: Mapping[str, Json]) -> dict[str, Json]:
    paths: dict[str, Json] = {}
    for (method, path), operation in ALL.items():
        common = [{"$ref": "#/components/parameters/job_id"}] if "{job_id}" in path else []
        here = paths.setdefault(path, {"parameters": [*common, {"$ref": "#/components/parameters/X-Request-ID"}]})
        here[method.lower()] = _operation(operation, refs, schemas)
    return paths


def _operation(operation: Operation, refs: Refs, schemas: Mapping[str, Json]) -> Json:
    told: Json = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "parameters": [{"$ref": f"#/components/parameters/{name}"} for name in operation.headers],
        "security": _security(operation.needs),
        "responses": _responses(operation, refs),
    }
    if operation.description:
        told["description"] = operation.description
    if operation.query:
        told["parameters"] += _in_query(schemas[refs[operation.query]["$ref"].removeprefix(SCHEMAS)])
    if operation.body:
        examples = {name: {"value": value} for name, value in operation.examples.items()}
        content = {JSON: {"schema": refs[operation.body], "examples": examples}}
        told["requestBody"] = {"required": True, "content": content}
    return told


def _security(needs: str | None) -> list[Json]:
    if needs is None:
        return []
    scheme = needs.removesuffix("?")
    return [{scheme: []}] if scheme == needs else [{}, {scheme: []}]


def _in_query(page: Json) -> list[Json]:
    """A model's fields as parameters; a parameter that may be left out has no null."""
    found = []
    for name, field in page["properties"].items():
        schema = dict(field)
        about = {"description": schema.pop("description")}
        if "anyOf" in schema:
            schema = next(one for one in schema["anyOf"] if one.get("type") != "null")
        found.append({"name": name, "in": "query", **about, "schema": schema})
    return found


def _responses(operation: Operation, refs: Refs) -> dict[str, Json]:
    told = {status: _answer(operation, answer, refs) for status, answer in operation.tells.items()}
    refused = {status: {"$ref": f"#/components/responses/{REFUSALS[status].name}"} for status in operation.refuses}
    return {str(status): answer for status, answer in sorted((refused | told).items())}


def _answer(operation: Operation, answer: Answer, refs: Refs) -> Json:
    told: Json = {"description": answer.means, "headers": _headers(answer.headers)}
    if answer.media:
        schema = {"type": "string"} if answer.shape is None else refs[answer.shape]
        told["content"] = {media: {"schema": schema} for media in answer.media}
    if operation.follow:
        told["links"] = {name: _link(name, operation.follow) for name in LINKED}
    return told


def _link(operation_id: str, where: str) -> Json:
    return {"operationId": operation_id, "parameters": {"job_id": f"$response.body#{where}"}}


def _refusal(refusal: Refusal, refs: Refs) -> Json:
    example = {"error": refusal.example, "code": refusal.code, "request_id": "Web-7", "details": []}
    content = {JSON: {"schema": refs[answers.Error], "example": example}}
    return {"description": refusal.means, "headers": _headers(refusal.headers), "content": content}


def _headers(names: Iterable[str]) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in ("X-Request-ID", *names)}
