"""Small documents are fetched within bounds, and anything else is an error in words."""

import datetime as dt
import ipaddress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from api.download import DownloadError, download
from tests.api.provider import BROKEN, HEAD, Provider, drips, ec_key, plainly


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


@pytest.fixture
def certificate(tmp_path):
    """Of 127.0.0.1, signed by nobody but itself."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a test")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(name, name, ec_key().public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(ec_key(), hashes.SHA256())
    )
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file = tmp_path / "certificate.pem"
    file.write_bytes(ec_key().private_bytes(*form) + made.public_bytes(serialization.Encoding.PEM))
    return file


@pytest.fixture
def secure(certificate):
    made = Provider(certificate=certificate)
    yield made
    made.close()


def test_a_server_that_cannot_prove_its_name_is_not_trusted(secure):
    with pytest.raises(DownloadError, match="SSLCertVerificationError"):
        fetch(secure.url)
    assert secure.fetches == 0


def test_a_server_that_proves_its_name_is_trusted(secure, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert fetch(secure.url) == b'{"keys": []}'
    with pytest.raises(DownloadError, match="SSLCertVerificationError"):
        fetch(secure.url.replace("127.0.0.1", "localhost"))


@pytest.mark.parametrize("start", [HEAD + b"X-Slow: ", HEAD + b"\r\n"], ids=["in the headers", "in the body"])
def test_what_drips_over_tls_is_given_up_too(secure, certificate, monkeypatch, start):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    secure.answer = drips(start)
    with pytest.raises(DownloadError, match=r"within 0\.5 s"):
        fetch(secure.url, timeout_s=0.5, max_bytes=1_000_000)


@pytest.mark.parametrize("case", ["not HTTP", "hangs up"])
def test_what_is_no_answer_is_an_error_in_words(provider, case):
    provider.answer = BROKEN[case]
    with pytest.raises(DownloadError, match=r"^it cannot be fetched"):
        fetch(provider.url)
