"""The page of docs/frontend.md, as it stands there: type-checked, bundled, and used in a browser on a running server."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from api.auth import issue
from tests import fake_openai
from tests.client.conftest import CLIENT, PATIENCE_S, Npm
from tests.processes import ROOT, SECRET, Web, fleet

pytestmark = pytest.mark.timeout(900)
[APP] = re.findall(r"^```tsx\n(.*?)^```$", (ROOT / "docs/frontend.md").read_text(), re.MULTILINE | re.DOTALL)
STRICT = {
    "strict": True,
    "noUncheckedIndexedAccess": True,
    "module": "nodenext",
    "target": "es2022",
    "noEmit": True,
    "jsx": "react-jsx",
    "skipLibCheck": True,
}
SHAPES = "svg > :is(rect, circle, text, line, ellipse)"
PATIENCE_MS = 30_000


@pytest.fixture(scope="module")
def app(npm: Npm, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page's script, bundled."""
    npm("run", "build")
    folder = tmp_path_factory.mktemp("app")
    modules = folder / "node_modules"
    modules.mkdir()
    (modules / "yardmaster-client").symlink_to(CLIENT)
    for name in ("react", "react-dom", "@types"):
        (modules / name).symlink_to(CLIENT / "node_modules" / name)
    (folder / "App.tsx").write_text(APP)
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "tsconfig.json").write_text(json.dumps({"compilerOptions": STRICT, "files": ["App.tsx"]}))
    tool("tsc", cwd=folder)
    tool("esbuild", "App.tsx", "--bundle", "--format=esm", "--jsx=automatic", "--outfile=app.js", cwd=folder)
    return folder / "app.js"


def tool(name: str, *arguments: str, cwd: Path) -> None:
    command = [CLIENT / "node_modules" / ".bin" / name, *arguments]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def page(app: Path, browser: Browser, web: Web) -> Iterator[Page]:
    """The page of the docs on the server's own origin, as behind a team's web server that hands /api on."""
    page = browser.new_context(bypass_csp=True).new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"http://127.0.0.1:{web.port}/api/ai-agent/livez")
    sign_in(page, issue(SECRET, "ann"))
    page.set_content('<div id="root"></div>')
    page.add_script_tag(path=app, type="module")
    yield page
    page.context.close()


def sign_in(page: Page, token: str) -> None:
    page.evaluate("token => sessionStorage.setItem('token', token)", token)


def ask_for(page: Page, wish: str) -> None:
    page.get_by_label("What to draw").first.fill(wish)
    page.get_by_role("button", name="Draw").click()


@pytest.fixture(scope="module")
def web(database_url: str) -> Iterator[Web]:
    with fake_openai.running() as fake:
        model = {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": fake.base_url}
        with fleet(database_url, **model) as ([web], _):
            yield web


def test_the_page_of_the_docs_draws_a_canvas_while_the_model_does(page: Page):
    ask_for(page, "a flow [fake:good objects=24 chunk_delay_s=0.05 title=A_flow]")
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    page.wait_for_function(f"() => document.querySelectorAll('{SHAPES}').length > 3")
    assert page.get_by_role("heading").count() == 0, "it did not grow, but came at once"
    expect(page.get_by_role("heading", name="A flow")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator(SHAPES)).to_have_count(24)


def test_it_says_what_was_refused_and_draws_again(page: Page):
    refused = page.get_by_role("alert")
    ask_for(page, "x" * 1001)
    expect(refused).to_contain_text("not valid")
    ask_for(page, "a flow [fake:good objects=24 chunk_delay_s=0.5]")
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    expect(refused).to_have_count(0)
    page.get_by_role("button", name="Cancel").click()
    expect(refused).to_contain_text("cancelled", timeout=PATIENCE_MS)
    ask_for(page, "a flow [fake:good objects=3]")
    expect(page.locator(SHAPES)).to_have_count(3, timeout=PATIENCE_MS)
    expect(refused).to_have_count(0)


def test_it_is_not_stuck_when_its_token_ends_in_the_middle(page: Page):
    ask_for(page, "a flow [fake:good objects=24 chunk_delay_s=0.5]")
    expect(page.get_by_role("status")).to_be_visible()
    page.wait_for_function(f"() => document.querySelectorAll('{SHAPES}').length > 0")
    sign_in(page, "of yesterday")
    expect(page.get_by_role("alert")).to_contain_text("token", timeout=PATIENCE_MS)
    expect(page.get_by_role("button", name="Draw")).to_be_enabled()
