"""What is no HTTP, or more of it than is read: an error like every other, and the server serves on."""

import re
from collections.abc import Iterator

import pytest
from gunicorn.config import Config as GunicornConfig
from hypothesis import given
from hypothesis import strategies as st

from api.intake import LINE_BYTES, PIECE_BYTES, Intake
from api.refusals import Refused
from tests.api.kit import PREFIX, with_token
from tests.api.raw import Raw, assert_refused, parsed
from tests.api.server_process import Served, until

TOKEN = with_token("ann", {})["headers"]["Authorization"].encode()
GET = b"GET /api/ai-agent/jobs HTTP/1.1\r\nHost: x\r\n"
POST = b"POST /api/ai-agent/create-canvas HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
POST += b"Authorization: " + TOKEN + b"\r\n"
BODY = b'{"instructions": "x"}'
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
SMUGGLED = b"GET /api/ai-agent/livez HTTP/1.1\r\nHost: x\r\n\r\n"
BAD = {
    "garbage": b"\x00\xff\x00\xff\r\n\r\n",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n",
    "no version": b"GET /api/ai-agent/jobs\r\n\r\n",
    "an old version": b"GET / HTTP/0.9\r\n\r\n",
    "a new version": b"GET / HTTP/2.0\r\n\r\n",
    "http/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a small method": b"get / HTTP/1.1\r\n\r\n",
    "a method that is none": b"G<script> / HTTP/1.1\r\n\r\n",
    "an address that is none": b"GET jobs HTTP/1.1\r\n\r\n",
    "an address with bytes": b"GET /\xff\xfe HTTP/1.1\r\n\r\n",
    "bare line feeds": b"GET / HTTP/1.1\nHost: x\n\n",
    "one bare line feed": GET + b"A: b\nC: d\r\n\r\n",
    "a header without a name": GET + b": x\r\n\r\n",
    "a header without a colon": GET + b"x\r\n\r\n",
    "a header with a space": GET + b"Content-Length : 5\r\n\r\nhello",
    "a header with U+0000": GET + b"A: b\x00c\r\n\r\n",
    "a folded header": GET + b"A: b\r\n c\r\n\r\n",
    "two hosts": GET + b"Host: y\r\n\r\n",
    "a length of words": POST + b"Content-Length: five\r\n\r\n" + BODY,
    "a negative length": POST + b"Content-Length: -1\r\n\r\n" + BODY,
    "a length with a sign": POST + b"Content-Length: +21\r\n\r\n" + BODY,
    "a length in other digits": POST + b"Content-Length: \xb2\r\n\r\n" + BODY,
    "a length of 5,000 digits": POST + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n" + BODY,
    "two lengths": POST + b"Content-Length: 21\r\nContent-Length: 0\r\n\r\n" + BODY,
    "a list of lengths": POST + b"Content-Length: 21, 21\r\n\r\n" + BODY,
    "an unknown coding": POST + b"Transfer-Encoding: rot13\r\n\r\n" + BODY,
    "a coding that is not chunked": POST + b"Transfer-Encoding: gzip\r\n\r\n" + BODY,
    "chunked twice": POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "chunked not last": POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "chunked in HTTP/1.0": CHUNKED.replace(b"HTTP/1.1", b"HTTP/1.0") + b"0\r\n\r\n",
    "a length and chunks": POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "chunks and a length": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "a hidden coding": POST + b"Content-Length: 5\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "a chunk's size in words": CHUNKED + b"five\r\nhello\r\n0\r\n\r\n" + SMUGGLED,
    "a chunk's size with 0x": CHUNKED + b"0x5\r\nhello\r\n0\r\n\r\n" + SMUGGLED,
    "a negative chunk": CHUNKED + b"-5\r\nhello\r\n0\r\n\r\n" + SMUGGLED,
    "a chunk without a size": CHUNKED + b"\r\nhello\r\n0\r\n\r\n" + SMUGGLED,
    "a chunk of 40 digits": CHUNKED + b"f" * 40 + b"\r\nhello\r\n0\r\n\r\n",
    "a chunk that is too long": CHUNKED + b"5\r\nhello world\r\n0\r\n\r\n" + SMUGGLED,
    "a chunk's end of a line feed": CHUNKED + b"15\n" + BODY + b"\n0\n\n" + b" " * LINE_BYTES,
    "an odd extension": CHUNKED + b"15;\x00\r\n" + BODY + b"\r\n0\r\n\r\n",
    "an extension without end": CHUNKED + b"15;" + b"a" * (LINE_BYTES + 10),
    "a trailer that is a header": CHUNKED + b"15\r\n" + BODY + b"\r\n0\r\nContent-Length: 5\r\n\r\n",
    "a trailer without a colon": CHUNKED + b"15\r\n" + BODY + b"\r\n0\r\nx\r\n\r\n",
}
LONG_LINES = {
    "a long address": b"GET /" + b"a" * LINE_BYTES + b" HTTP/1.1\r\n\r\n",
    "an address without end": b"GET /" + b"a" * 3 * LINE_BYTES,
}
LARGE_HEADS = {
    "a long header": GET + b"A: " + b"b" * LINE_BYTES + b"\r\n\r\n",
    "101 headers": GET + b"A: b\r\n" * 100 + b"\r\n",
    "headers beyond 32 KiB": GET + (b"A: " + b"b" * 8000 + b"\r\n") * 5 + b"\r\n",
    "headers without end": GET + (b"A: " + b"b" * 8000 + b"\r\n") * 5,
}
CASES = [(name, sent, 400, "bad_request") for name, sent in BAD.items()]
CASES += [(name, sent, 414, "uri_too_long") for name, sent in LONG_LINES.items()]
CASES += [(name, sent, 431, "headers_too_large") for name, sent in LARGE_HEADS.items()]
CASES += [("another expectation", POST + b"Expect: a-miracle\r\n\r\n", 417, "expectation_failed")]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, database_url: str) -> Iterator[Served]:
    found = Served(tmp_path_factory.mktemp("served"), database_url)
    found.worker()
    yield found
    found.clean_up()


@pytest.mark.parametrize(("sent", "status", "code"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_cannot_be_read_is_an_error_like_every_other(server, sent, status, code):
    with Raw(server.port(), sent) as client:
        answer = parsed(client.rest())  # one answer: nothing behind it is taken for a request
    request_id = assert_refused(answer, status, code)
    assert b"<" not in answer.body
    until(lambda: f"request {request_id}\n" in server.log(), "a line in the log")
    [line] = [line for line in server.log().splitlines() if line.endswith(f"request {request_id}")]
    assert re.fullmatch(rf"INFO:yardmaster.requests:([A-Z]+|None) unknown {status} in [\d.]+ ms, user None.*", line)


def test_the_log_has_no_line_but_those_of_requests(server):
    """Gunicorn's own would repeat what was sent."""
    with Raw(server.port(), BAD["a method that is none"]) as client:
        client.rest()
    told = [line for line in server.log().splitlines() if not line.startswith("INFO:gunicorn.error:")]
    assert all(line.startswith("INFO:yardmaster.requests:") for line in told)
    assert "script" not in server.log()


@pytest.mark.parametrize(("given", "kept"), [(b"Web-7", True), (b"<b>", False), (b"x" * 65, False)])
def test_a_plain_request_id_of_the_client_is_kept(server, given, kept):
    with Raw(
        server.port(), CHUNKED.replace(b"\r\n\r\n", b"\r\nX-Request-ID: " + given + b"\r\n\r\n") + b"?\r\n"
    ) as client:
        assert (assert_refused(parsed(client.rest()), 400, "bad_request").encode() == given) == kept


def test_what_just_fits_is_read(server):
    address = b"GET /api/ai-agent/livez?" + b"a" * (LINE_BYTES - 33) + b" HTTP/1.1\r\n"
    headers = b"A: b\r\n" * 97 + b"Host: x\r\nConnection: close\r\nB: " + b"c" * (LINE_BYTES - 10) + b"\r\n\r\n"
    with Raw(server.port(), address + headers) as client:
        assert parsed(client.rest()).status == 200


@pytest.mark.parametrize("name", [b"SCRIPT_NAME", b"PATH_INFO", b"X-Forwarded-Proto", b"X-Forwarded-Ssl"])
def test_no_header_of_a_client_is_taken_for_a_proxys(server, name):
    headers = name + b": https\r\nX-Forwarded-Protocol: http\r\nConnection: close\r\n\r\n"
    with Raw(server.port(), SMUGGLED[:-2] + headers) as client:
        assert parsed(client.rest()).status == 200


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [(GET + b"X-Fault: yes\r\n\r\n", 400, "bad_request"), (b"GET /fault HTTP/1.1\r\n\r\n", 500, "internal")],
    ids=["of the parser", "around the application"],
)
def test_a_fault_of_our_own_ends_neither_the_process_nor_the_shape_of_errors(server, sent, status, code):
    with Raw(server.port(), sent) as client:
        assert_refused(parsed(client.rest()), status, code)
    assert "RuntimeError: a fault" in server.log()


def test_the_server_serves_on(server):
    assert server.get(f"{PREFIX}/livez")[0] == 200
    assert server.said("start") == [server.worker()]


@given(data=st.data())
def test_a_request_ends_where_it_ends_however_it_is_cut(data):
    body = data.draw(st.binary(max_size=300))
    behind = data.draw(st.binary(max_size=30))
    if data.draw(st.booleans()):
        chunks = data.draw(st.lists(st.binary(min_size=1, max_size=50)))
        body = b"".join(chunks)
        coded = b"".join(b"%x;a=b\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
        whole = CHUNKED + coded + data.draw(st.sampled_from([b"0\r\n\r\n", b"00\r\nA: b\r\nC: d\r\n\r\n"]))
    else:
        whole = POST + b"Content-Length: %d\r\n\r\n" % len(body) + body
    found = intake()
    sent = whole + behind
    cuts = sorted(data.draw(st.lists(st.integers(0, len(sent)), max_size=20)))
    for start, end in zip([0, *cuts], [*cuts, len(sent)], strict=True):
        assert not found.is_complete or start >= len(whole)
        if end > start and not found.is_complete:
            found.feed(sent[start:end])
            behind = sent[end:]
    assert found.is_complete
    assert found.unpack() + behind == sent[len(whole) :]
    assert found.request.body.read() == body


def test_the_parser_gets_chunks_in_small_pieces():
    """It copies what it has been given once for each chunk: with all of a body at once that takes minutes."""
    found = intake()
    found.feed(CHUNKED)
    found.feed(b"1\r\nx\r\n" * 10_000)
    assert len(found.request.unreader.chunk()) == PIECE_BYTES
    assert len(found.request.unreader.chunk(20_000)) == 20_000


def test_chunks_that_are_mostly_frame_are_bounded():
    assert status_of([CHUNKED, *[b"1;" + b"a" * 8000 + b"\r\nx\r\n"] * 30]) == 413


@given(start=st.sampled_from([b"", GET, POST, CHUNKED, CHUNKED + b"5\r\n"]), pieces=st.lists(st.binary(max_size=60)))
def test_whatever_comes_is_read_or_refused(start, pieces):
    refused = status_of([start, *pieces])
    assert refused is None or 400 <= refused < 500


def status_of(pieces):
    """None: not refused."""
    found = intake()
    try:
        for piece in filter(None, pieces):
            if not found.is_complete:
                found.feed(piece)
        if found.is_complete:
            found.unpack()
    except Refused as fault:
        return fault.refusal.status
    return None


def intake():
    return Intake(GunicornConfig(), ("127.0.0.1", 1), head_bytes=32768, body_bytes=65536)
