"""Small documents are fetched within bounds, and anything else is an error in words."""

import pytest

from api.download import DownloadError, download
from tests.api.provider import HEAD, Provider, drips, plainly


@pytest.fixture
def provider():
    made = Provider()
    yield made
    made.close()


def fetch(url, timeout_s=20.0, max_bytes=1000):
    return download(url, timeout_s=timeout_s, max_bytes=max_bytes)


def test_a_document_comes_as_it_is(provider):
    provider.answer = plainly(b"x" * 1000)
    assert fetch(provider.url) == b"x" * 1000


def test_a_larger_document_is_refused(provider):
    provider.answer = plainly(b"x" * 1001)
    with pytest.raises(DownloadError, match=r"^it is larger than 1,000 bytes$"):
        fetch(provider.url)


@pytest.mark.parametrize("start", [HEAD + b"X-Slow: ", HEAD + b"\r\n"], ids=["in the headers", "in the body"])
def test_a_document_that_drips_is_given_up(provider, start):
    """Each byte comes in time, and the whole never does."""
    provider.answer = drips(start)
    with pytest.raises(DownloadError, match=r"within 0\.3 s"):
        fetch(provider.url, timeout_s=0.3, max_bytes=1_000_000)


def test_silence_is_given_up(provider):
    provider.answer = provider.hold
    with pytest.raises(DownloadError, match=r"cannot be fetched within 0.3 s"):
        fetch(provider.url, timeout_s=0.3)


def test_a_redirect_is_not_followed(provider):
    other = Provider()
    provider.answer = plainly(b"", 302, Location=other.url)
    with pytest.raises(DownloadError, match=r"^it answers 302$"):
        fetch(provider.url)
    assert other.fetches == 0
    other.close()


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1:1/", "http://host.invalid/", "http://127.0.0.1:99999/", "http://[::"]
)
def test_what_cannot_be_reached_is_an_error_in_words(url):
    with pytest.raises(DownloadError, match=r"^it cannot be fetched within 20 s \(\w+\)$"):
        fetch(url)


def test_a_server_that_cannot_prove_its_name_is_not_trusted(provider):
    """Our own speaks no TLS at all; that is refused in the handshake, before anything is asked."""
    with pytest.raises(DownloadError, match="SSLError"):
        fetch(provider.url.replace("http:", "https:"))
    assert provider.fetches == 0
