"""The dashboard's files: nothing strange among them, and nothing that their policy would not let in."""

import hashlib
import re

import pytest

from api.dashboard.site import KINDS, POLICY, STATIC

VENDOR = STATIC / "vendor"
FILES = sorted(str(file.relative_to(STATIC)) for file in STATIC.rglob("*") if file.suffix in KINDS)
OURS = [name for name in FILES if not name.startswith("vendor/")]


def test_what_others_have_written_is_as_they_released_it_and_has_its_licence():
    lines = [line.split() for line in (VENDOR / "SHA256SUMS").read_text().splitlines()]
    told = {name: digest for digest, name in lines}
    found = {file.name: file for file in VENDOR.iterdir() if file.name != "SHA256SUMS"}
    assert told == {name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in found.items()}
    kinds = {name.partition(".")[0].partition("-")[0] for name in found}
    assert all("MIT" in found[f"{kind}-LICENSE.txt"].read_text() for kind in kinds)


@pytest.mark.parametrize("name", ["", *FILES])
def test_every_file_is_served_under_the_policy_and_once(yard, name):
    place = f"/dashboard/{name}" if name else "/"
    answer = yard.client.get(place)
    file = STATIC / (name or "index.html")
    assert (answer.status_code, answer.mimetype, answer.data) == (200, KINDS[file.suffix], file.read_bytes())
    assert answer.headers["Content-Security-Policy"] == POLICY
    assert yard.client.get(place, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304


@pytest.mark.parametrize("name", ["site.py", "../site.py", "..%2fsite.py", "vendor", "vendor/SHA256SUMS", ""])
def test_nothing_else_is(yard, name):
    assert yard.client.get(f"/dashboard/{name}").status_code == 404


def test_the_policy_lets_in_what_is_ours_and_nothing_inline():
    rules = dict(rule.split(" ", 1) for rule in POLICY.split("; "))
    assert rules["default-src"] == "'none'"
    assert {rules[name] for name in ("script-src", "style-src", "connect-src")} == {"'self'"}
    assert rules["img-src"] == "'self' data:"
    assert {rules[name] for name in ("base-uri", "form-action", "frame-ancestors", "trusted-types")} == {"'none'"}
    assert "unsafe" not in POLICY
    assert rules["require-trusted-types-for"] == "'script'"


@pytest.mark.parametrize("name", OURS)
def test_no_file_of_ours_makes_markup_of_text_or_calls_another_host(name):
    text = (STATIC / name).read_text("utf-8")
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", text)
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)
    assert not re.search(r"<script(?![^>]* src=)|<style| on\w+=\"| style=\"", text)
    assert len(text.splitlines()) < 250
