"""A canvas draws itself before one's eyes while the model writes."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests import fake_openai
from tests.dashboard.conftest import PATIENCE_MS
from tests.fake_openai import FakeOpenAI
from tests.processes import Web, fleet

expect.set_options(timeout=PATIENCE_MS)
SHAPES = """image => fetch(image.src).then(answer => answer.text()).then(text => text.split("<text").length - 1)"""


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeOpenAI]:
    with fake_openai.running() as fake:
        yield fake


@pytest.fixture(scope="module")
def web(database_url: str, provider: FakeOpenAI) -> Iterator[Web]:
    env = {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": provider.base_url, "YARD_LOG__LEVEL": "warning"}
    with fleet(database_url, **env) as ([web], _):
        yield web


def test_a_canvas_grows_while_the_model_draws_it(open_page, provider):
    provider.script("good objects=30 chunk_delay_s=0.08")
    page = open_page("#/new")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.get_by_label("What to draw").fill("ten steps")
    page.get_by_role("button", name="Draw it").click()
    growing = page.get_by_alt_text("The canvas as far as it is drawn")
    expect(growing).to_be_visible()
    any_number = re.compile(r"\d+ objects drawn")  # a certain one may be gone before it is looked for
    expect(page.get_by_text(any_number)).to_be_visible()
    versions = {growing.get_attribute("src")}
    while len(versions) < 5:
        page.wait_for_function(
            "known => !known.includes(document.querySelector('.growing img').getAttribute('src'))", arg=list(versions)
        )
        versions.add(growing.get_attribute("src"))
    done = page.get_by_alt_text("The canvas: ten steps")
    expect(done).to_be_visible()
    assert done.evaluate(SHAPES) == 10
    expect(growing).to_have_count(0)
    polls = [url for url in asked if url.endswith("/status")]
    assert len(polls) < len(versions), "each step of the drawing asked for the whole job"
