"""The dashboard behind a proxy that ends TLS: its own origin is the https one, and its cookie goes over https alone."""

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect
from websockets import Origin, Subprotocol
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from api import auth
from tests.processes import SECRET, Web, fleet
from tests.tls import HOST, TlsProxy, certificate

ROOT = "/api/ai-agent"


class Site:
    """`base` is where its users find it; `trusted` is what believes the proxy's certificate."""

    def __init__(self, web: Web, proxy: TlsProxy, trusted: ssl.SSLContext) -> None:
        self.web = web
        self.place = f"{HOST}:{proxy.port}"
        self.base = f"https://{self.place}"
        self.trusted = trusted

    def sign_in(self, **headers: str) -> tuple[int, dict, str]:
        """(status, answer, the cookie as it is set)."""
        headers = {"Authorization": f"Bearer {auth.issue(SECRET, 'ann')}", **headers}
        request = urllib.request.Request(f"{self.base}{ROOT}/session", method="POST", headers=headers)
        try:
            with urllib.request.urlopen(request, context=self.trusted, timeout=20) as answer:
                return answer.status, json.load(answer), answer.headers["Set-Cookie"]
        except urllib.error.HTTPError as error:
            return error.code, json.load(error), ""


@pytest.fixture(scope="module")
def site(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    file = certificate(tmp_path_factory.mktemp("tls"))
    with fleet(database_url, YARD_LOG__LEVEL="warning", YARD_API__PROXY_HOPS="1") as ([web], _):
        proxy = TlsProxy(web.port, file)
        yield Site(web, proxy, ssl.create_default_context(cafile=str(file)))
        proxy.close()


def test_a_page_signs_in_hears_events_and_signs_out(browser: Browser, site: Site):
    context = browser.new_context(ignore_https_errors=True)
    page = context.new_page()
    page.goto(site.base)
    page.get_by_label("Token").fill(auth.issue(SECRET, "ann"))
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Your jobs")).to_be_visible()
    (cookie,) = context.cookies()
    told = {name: cookie[name] for name in ("name", "secure", "httpOnly", "sameSite", "path", "domain")}
    strict = {"secure": True, "httpOnly": True, "sameSite": "Strict"}
    assert told == {"name": "__Host-yardmaster", "path": "/", "domain": HOST, **strict}
    expect(page.locator("#link-state")).to_have_text("live")
    page.get_by_role("link", name="New canvas").click()
    page.get_by_label("What to draw").fill("login flowchart: enter password, check")
    page.get_by_role("button", name="Draw it").click()
    expect(page.get_by_alt_text("The canvas: login flowchart: enter password, check")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert context.cookies() == []
    context.close()


@pytest.mark.parametrize("said", [{}, {"X-Forwarded-Proto": "http"}], ids=["", "a client that says http"])
def test_the_cookie_goes_over_https_alone(site: Site, said):
    status, _, cookie = site.sign_in(Origin=site.base, **said)
    assert status == 200
    assert cookie.startswith("__Host-yardmaster=")
    assert "; Secure;" in cookie


@pytest.mark.parametrize("origin", ["http://{place}", "https://evil.example", "https://{place}.evil.example", "null"])
def test_another_origin_neither_signs_in_nor_hears_events(site: Site, origin):
    origin = origin.format(place=site.place)
    status, told, _ = site.sign_in(Origin=origin)
    assert (status, told["code"]) == (403, "forbidden")
    with pytest.raises(InvalidStatus) as refused:
        follow(site, origin)
    assert refused.value.response.status_code == 403


def test_events_come_to_the_own_origin(site: Site):
    with follow(site, site.base) as client:
        job_id = site.web.draw("a mind map")
        assert json.loads(client.recv(timeout=30))["data"]["job_id"] == job_id


def follow(site: Site, origin: str):
    offered = [Subprotocol("bearer"), Subprotocol(auth.issue(SECRET, "ann"))]
    address = f"wss://{site.place}{ROOT}/ws"
    return connect(address, subprotocols=offered, origin=Origin(origin), ssl=site.trusted, open_timeout=30)


def test_without_proxy_hops_nobody_is_believed_who_says_https(site: Site, database_url: str):
    """The way past the proxy: what it would have said is said by the client."""
    with fleet(database_url, YARD_LOG__LEVEL="warning", YARD_SCHEDULER__EMBEDDED="false") as ([web], _):
        status, told = web.call(
            "POST", "/session", Origin=f"https://{HOST}:{web.port}", **{"X-Forwarded-Proto": "https"}
        )
        assert (status, told["code"]) == (403, "forbidden")
        assert "set api.proxy_hops, and let it hand on the header Host" in told["error"]
