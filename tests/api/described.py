"""Holds every answer that a test gets to what the OpenAPI document says of it."""

import re
from copy import deepcopy
from functools import cache
from typing import Any

import jsonschema_rs
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from api.openapi import document
from api.schemas import Canvas

METHODS = ("get", "post", "put", "patch", "delete")
NO_OPERATION = {404, 405}


class DescribedClient(FlaskClient):
    """Looks at each answer as it passes; one that the document does not describe fails the test."""

    def open(self, *arguments: Any, **options: Any) -> TestResponse:
        response = super().open(*arguments, **options)
        method, path = response.request.method.lower(), response.request.path
        found = rule(self.application, method, path)
        if method in METHODS and (found is None or found in told()["paths"]):  # others are routes of a test's own
            assert_described(response, told()["paths"][found][method] if found else None)
        return response


def rule(app: Flask, method: str, path: str) -> str | None:
    """The path as the document writes it; None when no route is there."""
    try:
        found, _ = app.url_map.bind("").match(path, method.upper(), return_rule=True)
    except HTTPException:
        return None
    return as_documented(found.rule)


def as_documented(rule: str) -> str:
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule)


def assert_described(response: TestResponse, operation: Any) -> None:
    """`operation` is None where no route is: then the answer is an Error."""
    status = str(response.status_code)
    if operation is None:
        assert response.status_code in NO_OPERATION, response.text
        assert_valid(response.get_json(), "#/components/schemas/Error")
        return
    assert status in operation["responses"], f"{operation['operationId']} answers {status}: {response.text}"
    answer = resolved(operation["responses"][status])
    for name, header in answer["headers"].items():
        assert name in response.headers or not resolved(header)["required"], name
        if name in response.headers:
            assert_valid(response.headers[name], header["$ref"] + "/schema")
    if content := answer.get("content"):
        assert response.mimetype in content, response.mimetype
        if response.mimetype == "application/json":
            assert_valid(response.get_json(), content["application/json"]["schema"].get("$ref"))
    else:
        assert response.data == b""


def resolved(node: Any) -> Any:
    while "$ref" in node:
        found: Any = told()
        for step in node["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        node = found
    return node


def assert_valid(value: Any, ref: str | None) -> None:
    """None: any JSON."""
    if ref:
        faults = [
            f"{'/'.join(map(str, fault.instance_path))}: {fault.message}" for fault in validator(ref).iter_errors(value)
        ]
        assert not faults, (ref, faults)


@cache
def told() -> dict[str, Any]:
    """The document of kit.scene's application."""
    return document({"t": None, "create_canvas": Canvas})


@cache
def validator(ref: str) -> Any:
    """A strict one: what a schema of ours does not name may not be there."""
    components = deepcopy(told()["components"])
    for schema in components["schemas"].values():
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
    return jsonschema_rs.Draft202012Validator({"$ref": ref, "components": components}, validate_formats=True)
