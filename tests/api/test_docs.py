"""The page that shows the OpenAPI document to people."""

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest
from flask import Flask

from api import description, docs
from tests.api.described import told

PLACES = ("/docs", "/api/ai-agent/docs")


class Page(HTMLParser):
    """What stands in the page: its elements' ids, where its links lead, and which elements there are."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids, self.links, self.tags, self.attributes = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]
        self.ids += [value for name, value in attrs if name == "id"]
        self.links += [value for name, value in attrs if name == "href"]


@pytest.mark.parametrize("place", PLACES)
def test_anybody_may_read_it_and_it_needs_nothing_else(yard, place):
    answer = yard.client.get(place)
    page = Page(answer.text)
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    assert not {"script", "link", "img", "iframe", "form"} & set(page.tags)
    assert not [name for name in page.attributes if name.startswith("on") or name in ("style", "src")]
    assert all(link.startswith("#") or link == "openapi.json" for link in page.links)


def test_its_policy_allows_its_own_style_and_nothing_more(yard):
    answer = yard.client.get("/docs")
    style = re.search("<style>(.*?)</style>", answer.text, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = answer.headers["Content-Security-Policy"].split("; ")
    assert policy[:2] == ["default-src 'none'", f"style-src 'sha256-{digest}'"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]


def test_every_operation_and_every_schema_is_shown_and_every_link_leads_somewhere():
    page = Page(docs.render(told()))
    operations = {
        one["operationId"] for item in told()["paths"].values() for one in item.values() if "operationId" in one
    }
    schemas = {f"schema-{name}" for name in told()["components"]["schemas"]}
    assert operations | schemas <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    assert {link.removeprefix("#") for link in page.links if link.startswith("#")} <= set(page.ids)


def test_a_job_type_with_an_odd_name_is_shown_as_text():
    app = Flask(__name__)
    app.register_blueprint(description.blueprint({"<script>alert(1)</script>": None}))
    assert "<script>" not in app.test_client().get("/docs").text


def test_the_example_of_a_call_is_one_for_the_shell():
    text = docs.render(
        {**told(), "paths": {path: item for path, item in told()["paths"].items() if "create-canvas" in path}}
    )
    assert (
        "curl -X POST &#34;$YARD/api/ai-agent/create-canvas&#34; \\\n  -H &#34;Authorization: Bearer $TOKEN&#34;"
        in text
    )
