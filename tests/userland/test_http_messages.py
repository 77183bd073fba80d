"""HTTP heads, ranges, chunks and URLs, and what hostile ones come to."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from userland.proto import http


def request(text):
    return http.parse_request(text.replace("\n", "\r\n").encode("latin-1"))


def test_a_request():
    parsed = request("GET /a%20b?q=1 HTTP/1.1\nHost: x\nRange: bytes=0-1\nconnection: Close\n\n")
    assert (parsed.method, parsed.target, parsed.minor) == ("GET", "/a%20b?q=1", 1)
    assert parsed.headers.get("range") == "bytes=0-1"
    assert not parsed.keep_alive()
    assert http.target_path(parsed.target) == "/a b"


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("GET /\n\n", 400),
        ("GET / HTTP/2.0\nHost: x\n\n", 505),
        ("GET / HTTP/1.1\n\n", 400),
        ("GET  / HTTP/1.1\nHost: x\n\n", 400),
        ("G@T / HTTP/1.1\nHost: x\n\n", 400),
        ("GET / HTTP/1.1\nHost x\n\n", 400),
        ("GET / HTTP/1.1\nHost: x\n folded: y\n\n", 400),
        ("GET / HTTP/1.1\nHost: x\nContent-Length: -1\n\n", 400),
        ("GET /\x01 HTTP/1.1\nHost: x\n\n", 400),
        ("GET / HTTP/1.1\n" + "A: b\n" * 200 + "\n", 400),
    ],
)
def test_requests_that_are_none(text, status):
    with pytest.raises(http.HttpError) as caught:
        request(text)
    assert caught.value.status == status


@pytest.mark.parametrize(
    ("target", "path"),
    [("/", "/"), ("/a//b/./c", "/a/b/c"), ("/d/", "/d/"), ("http://h/x", "/x"), ("/%41", "/A"), ("/a#f?x", "/a")],
)
def test_target_paths(target, path):
    assert http.target_path(target) == path


@pytest.mark.parametrize("target", ["/../etc", "/a/../../b", "/%2e%2e/x", "/..", "*", "x", "/%zz", "/%0", "/a%00b"])
def test_targets_that_leave_the_root_are_refused(target):
    with pytest.raises(http.HttpError):
        http.target_path(target)


@pytest.mark.parametrize(
    ("value", "size", "expected"),
    [
        ("bytes=0-99", 1000, (0, 99)),
        ("bytes=900-", 1000, (900, 999)),
        ("bytes=-100", 1000, (900, 999)),
        ("bytes=-5000", 1000, (0, 999)),
        ("bytes=990-5000", 1000, (990, 999)),
        ("bytes=1000-", 1000, http.UNSATISFIABLE),
        ("bytes=-0", 1000, http.UNSATISFIABLE),
        ("bytes=0-", 0, http.UNSATISFIABLE),
        ("bytes=5-2", 1000, None),
        ("bytes=0-1,5-6", 1000, None),
        ("lines=0-1", 1000, None),
        ("bytes=a-b", 1000, None),
        ("bytes=-", 1000, None),
        ("bytes", 1000, None),
    ],
)
def test_ranges(value, size, expected):
    assert http.parse_range(value, size) == expected


def test_a_response():
    parsed = http.parse_response(b"HTTP/1.1 206 Partial Content\r\nContent-Length: 5, 5\r\nA: 1\r\na: 2\r\n\r\n")
    assert (parsed.status, parsed.reason, parsed.content_length()) == (206, "Partial Content", 5)
    assert parsed.headers.get("a") == "1, 2"
    assert http.parse_response(b"ICY 200 OK\r\n\r\n") is None
    assert http.parse_response(b"HTTP/1.1 2xx\r\n\r\n") is None


def test_heads_end_at_an_empty_line_of_either_kind():
    assert http.head_end(b"GET / HTTP/1.0\r\n\r\nrest") == 18
    assert http.head_end(b"GET / HTTP/1.0\n\nrest") == 16
    assert http.head_end(b"GET / HTTP/1.0\r\n") == -1


CHUNKED = b"4\r\nWiki\r\n6;x=y\r\npedia \r\nE\r\nin \r\n\r\nchunks.\r\n0\r\nTrailer: 1\r\n\r\n"


@pytest.mark.parametrize("step", [1, 2, 3, 7, 1000])
def test_chunks_in_pieces_of_any_size(step):
    decoder = http.ChunkedDecoder()
    out = b""
    for start in range(0, len(CHUNKED), step):
        out += b"".join(bytes(piece) for piece in decoder.feed(memoryview(CHUNKED)[start : start + step]))
    assert decoder.done and not decoder.failed
    assert out == b"Wikipedia in \r\n\r\nchunks."


@pytest.mark.parametrize("raw", [b"x\r\n", b"-1\r\n", b"4\r\nWikiX\r\n", b"\r\n", b"1" * 5000, b"fffffffffffffffff\r\n"])
def test_chunks_that_lie(raw):
    decoder = http.ChunkedDecoder()
    list(decoder.feed(raw))
    assert decoder.failed


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_garbage_never_escapes(raw):
    try:
        http.parse_request(raw)
    except http.HttpError:
        pass
    http.parse_response(raw)
    http.ChunkedDecoder().feed(raw)
    try:
        http.target_path(raw.decode("latin-1"))
    except http.HttpError:
        pass
    http.parse_url(raw.decode("latin-1"))
    http.parse_range(raw.decode("latin-1"), 100)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://h/p?q#f", ("h", 80, "/p?q")),
        ("h:8080/x", ("h", 8080, "/x")),
        ("http://u:p@h:1", ("h", 1, "/")),
        ("http://h?x", ("h", 80, "/?x")),
        ("http://h/ü x", ("h", 80, "/%C3%BC%20x")),
    ],
)
def test_urls(text, expected):
    url = http.parse_url(text)
    assert (url.host, url.port, url.path) == expected


@pytest.mark.parametrize("text", ["gopher://h/", "http://", "http://h:0/", "http://h:99999/", "http://h:x/", "ftp://h", ""])
def test_urls_that_are_none(text):
    assert http.parse_url(text) is None


def test_redirect_targets_are_relative_to_the_page():
    base = http.parse_url("http://h:81/a/b?c")
    assert http.join_url(base, "/x").text() == "http://h:81/x"
    assert http.join_url(base, "y").text() == "http://h:81/a/y"
    assert http.join_url(base, "//z/w").text() == "http://z/w"
    assert http.join_url(base, "http://q/").text() == "http://q/"
    assert http.join_url(base, "https://q/").text() == "https://q/"
