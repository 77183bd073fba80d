"""HTTP/1.1 messages (RFC 9110, RFC 9112) as a client and a server read them.

Heads are bounded and parsed as bytes; what can not be parsed is an `HttpError` with a status code for requests and
None for responses.
"""

MAX_HEAD = 16384
MAX_HEADERS = 100
MAX_CHUNK_LINE = 4096

REASONS = {
    200: "OK",
    206: "Partial Content",
    301: "Moved Permanently",
    304: "Not Modified",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    414: "URI Too Long",
    416: "Range Not Satisfiable",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    501: "Not Implemented",
    503: "Service Unavailable",
    505: "HTTP Version Not Supported",
}
KNOWN_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH")
TOKEN = frozenset(b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
DEFAULT_PORTS = {"http": 80, "https": 443}
HEX = "0123456789abcdefABCDEF"

MIME_TYPES = {
    "html": "text/html; charset=utf-8",
    "htm": "text/html; charset=utf-8",
    "txt": "text/plain; charset=utf-8",
    "md": "text/plain; charset=utf-8",
    "py": "text/x-python; charset=utf-8",
    "c": "text/plain; charset=utf-8",
    "h": "text/plain; charset=utf-8",
    "css": "text/css",
    "csv": "text/csv",
    "js": "text/javascript",
    "json": "application/json",
    "xml": "application/xml",
    "pdf": "application/pdf",
    "gz": "application/gzip",
    "zip": "application/zip",
    "tar": "application/x-tar",
    "wasm": "application/wasm",
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "svg": "image/svg+xml",
    "ico": "image/vnd.microsoft.icon",
    "webp": "image/webp",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
}


class HttpError(Exception):
    """A request that is answered with an error status."""

    def __init__(self, status):
        super().__init__(status)
        self.status = status


class Headers:
    """Header fields: names compare without case, a field that came twice is joined with commas."""

    __slots__ = ("fields",)

    def __init__(self):
        self.fields = {}

    def add(self, name, value):
        key = name.lower()
        self.fields[key] = f"{self.fields[key]}, {value}" if key in self.fields else value

    def get(self, name, default=""):
        return self.fields.get(name, default)

    def tokens(self, name):
        """The comma-separated members of a field, in lower case."""
        return [member.strip().lower() for member in self.get(name).split(",") if member.strip()]


def head_end(data):
    """The length of a message head including its empty line, or -1 while that has not come."""
    end = data.find(b"\r\n\r\n")
    bare = data.find(b"\n\n")
    if bare >= 0 and (end < 0 or bare < end):
        return bare + 2
    return end + 4 if end >= 0 else -1


def parse_headers(lines):
    """`Headers` of the lines behind the first; None for a line that is no field, folded lines included."""
    headers = Headers()
    if len(lines) > MAX_HEADERS:
        return None
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or not name or any(byte not in TOKEN for byte in name) or b"\0" in value:
            return None
        headers.add(name.decode("ascii"), value.strip(b" \t").decode("latin-1"))
    return headers


def head_lines(head):
    return [line.removesuffix(b"\r") for line in bytes(head).rstrip(b"\r\n").split(b"\n")]


class Request:
    """A request head."""

    __slots__ = ("method", "target", "minor", "headers")

    def __init__(self, method, target, minor, headers):
        self.method = method
        self.target = target
        self.minor = minor
        self.headers = headers

    def keep_alive(self):
        """Whether the connection stays open after the answer (RFC 9112 section 9.3)."""
        options = self.headers.tokens("connection")
        if "close" in options:
            return False
        return self.minor >= 1 or "keep-alive" in options

    def has_body(self):
        """True when a body follows the head."""
        return "transfer-encoding" in self.headers.fields or self.headers.get("content-length", "0").strip() != "0"


def parse_request(head):
    """A `Request`; HttpError for a head that is none."""
    lines = head_lines(head)
    words = lines[0].split(b" ")
    if len(words) != 3 or not words[0] or any(byte not in TOKEN for byte in words[0]):
        raise HttpError(400)
    version = words[2]
    if len(version) != 8 or version[:5] != b"HTTP/" or not version[5:6].isdigit() or not version[7:8].isdigit():
        raise HttpError(400)
    if version[5:7] != b"1.":
        raise HttpError(505)
    target = words[1]
    if not target or any(byte <= 32 or byte >= 127 for byte in target):
        raise HttpError(400)
    headers = parse_headers(lines[1:])
    if headers is None:
        raise HttpError(400)
    minor = version[7] - 48
    if minor >= 1 and "host" not in headers.fields:
        raise HttpError(400)
    length = headers.get("content-length", "0").strip()
    if not length.isascii() or not length.isdigit():
        raise HttpError(400)
    return Request(words[0].decode("ascii"), target.decode("ascii"), minor, headers)


def percent_decode(text):
    """The bytes of a %-encoded string; HttpError 400 for a bad escape."""
    out = bytearray()
    position = 0
    while position < len(text):
        if text[position] != "%":
            out += text[position].encode("utf-8")
            position += 1
            continue
        digits = text[position + 1 : position + 3]
        if len(digits) != 2 or digits[0] not in HEX or digits[1] not in HEX:
            raise HttpError(400)
        out.append(int(digits, 16))
        position += 3
    return bytes(out)


def percent_encode(text):
    """A path as it stands in a URL."""
    safe = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/!$&'()*+,;=:@"
    return "".join(chr(b) if b in safe else f"%{b:02X}" for b in text.encode("utf-8", "surrogateescape"))


def target_path(target):
    """The path of a request target below the root, '/' first, no '.' or '..' left; HttpError when it is none."""
    if target.startswith("http://"):
        target = "/" + target[7:].partition("/")[2]
    if not target.startswith("/"):
        raise HttpError(400)
    raw = percent_decode(target.partition("#")[0].partition("?")[0])
    if b"\0" in raw:
        raise HttpError(400)
    segments = []
    parts = raw.decode("utf-8", "surrogateescape").split("/")
    for part in parts:
        if part == "..":
            raise HttpError(403)
        if part not in ("", "."):
            segments.append(part)
    path = "/" + "/".join(segments)
    return path + "/" if parts[-1] in ("", ".") and len(path) > 1 else path


UNSATISFIABLE = (-1, -1)


def parse_range(value, size):
    """(first, last) of a single byte range, None when the field is to be ignored, or UNSATISFIABLE."""
    unit, equals, spec = value.partition("=")
    if unit.strip().lower() != "bytes" or not equals or "," in spec:
        return None
    first, dash, last = spec.strip().partition("-")
    if not dash or not all(part.isascii() and part.isdigit() and len(part) < 19 for part in (first, last) if part):
        return None
    if not first:
        if not last:
            return None
        return UNSATISFIABLE if int(last) == 0 or size == 0 else (max(0, size - int(last)), size - 1)
    if last and int(last) < int(first):
        return None
    if int(first) >= size:
        return UNSATISFIABLE
    return int(first), min(int(last), size - 1) if last else size - 1


def mime_type(path):
    """The media type of a file name."""
    name = path.rsplit("/", 1)[-1]
    return MIME_TYPES.get(name.rsplit(".", 1)[-1].lower() if "." in name else "", "application/octet-stream")


def escape_html(text):
    """Text as HTML shows it."""
    for char, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        text = text.replace(char, entity)
    return text.encode("utf-8", "replace").decode()


def response_head(status, fields):
    """A response head; `fields` is a list of (name, value)."""
    lines = [f"HTTP/1.1 {status} {REASONS[status]}"]
    lines += [f"{name}: {value}" for name, value in fields]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


class Response:
    """A response head."""

    __slots__ = ("minor", "status", "reason", "headers")

    def __init__(self, minor, status, reason, headers):
        self.minor = minor
        self.status = status
        self.reason = reason
        self.headers = headers

    def content_length(self):
        """The Content-Length, or -1 when there is no valid one."""
        text = self.headers.get("content-length").split(",")[0].strip()
        return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else -1

    def chunked(self):
        return self.headers.tokens("transfer-encoding")[-1:] == ["chunked"]


def parse_response(head):
    """A `Response`, or None for a head that is none."""
    lines = head_lines(head)
    version, _, rest = lines[0].partition(b" ")
    status, _, reason = rest.partition(b" ")
    if len(version) != 8 or not version.startswith(b"HTTP/1.") or not version[7:].isdigit():
        return None
    if len(status) != 3 or not status.isdigit():
        return None
    headers = parse_headers(lines[1:])
    if headers is None:
        return None
    return Response(version[7] - 48, int(status), reason.decode("latin-1"), headers)


class ChunkedDecoder:
    """Transfer-Encoding: chunked (RFC 9112 section 7.1): `feed` bytes, get the body's pieces.

    `done` is True behind the last chunk and its trailer, `failed` when the framing is broken.
    """

    def __init__(self):
        self.pending = bytearray()
        self.left = 0
        self.state = "size"
        self.done = False
        self.failed = False

    def feed(self, data):
        """The body bytes in `data`, as a list of pieces."""
        pieces = []
        position = 0
        while position < len(data) and not self.done and not self.failed:
            if self.state == "data":
                taken = min(self.left, len(data) - position)
                pieces.append(data[position : position + taken])
                position += taken
                self.left -= taken
                if self.left == 0:
                    self.state = "behind"
                continue
            end = bytes(data[position : position + MAX_CHUNK_LINE + 1]).find(b"\n")
            stop = len(data) if end < 0 else position + end + 1
            self.pending += data[position:stop]
            position = stop
            if len(self.pending) > MAX_CHUNK_LINE:
                self.failed = True
            elif end >= 0:
                line = bytes(self.pending).rstrip(b"\r\n")
                self.pending.clear()
                self.line(line)
        return pieces

    def line(self, line):
        if self.state == "behind":
            self.failed = bool(line)
            self.state = "size"
        elif self.state == "trailer":
            self.done = not line
        else:
            digits = line.partition(b";")[0].strip().decode("latin-1")
            if not digits or len(digits) > 15 or any(char not in HEX for char in digits):
                self.failed = True
                return
            self.left = int(digits, 16)
            self.state = "data" if self.left else "trailer"


class Url:
    """A URL of http or https; `user` is what stands before an @, or None."""

    __slots__ = ("scheme", "user", "host", "port", "path")

    def __init__(self, scheme, user, host, port, path):
        self.scheme = scheme
        self.user = user
        self.host = host
        self.port = port
        self.path = path

    def host_field(self):
        return self.host if self.port == DEFAULT_PORTS[self.scheme] else f"{self.host}:{self.port}"

    def text(self):
        return f"{self.scheme}://{self.host_field()}{self.path}"


def parse_url(text):
    """A `Url`, or None when it is not one of http or https."""
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = "http", text
    scheme = scheme.lower()
    if scheme not in DEFAULT_PORTS:
        return None
    cut = min((at for at in (rest.find(mark) for mark in "/?#") if at >= 0), default=len(rest))
    user, at, authority = rest[:cut].rpartition("@")
    path = rest[cut:].partition("#")[0]
    host, colon, port = authority.partition(":")
    if not host or any(c <= " " or ord(c) > 126 for c in authority):
        return None
    if colon and (not port.isascii() or not port.isdigit() or not 0 < len(port) <= 5 or not 0 < int(port) < 65536):
        return None
    encoded = "".join(c if " " < c < "\x7f" else percent_encode(c) for c in path)
    if not encoded.startswith("/"):
        encoded = "/" + encoded
    return Url(scheme, user if at else None, host, int(port) if colon else DEFAULT_PORTS[scheme], encoded)


def join_url(base, location):
    """The `Url` that a Location field names, relative to `base`; None when it is not one of http or https."""
    if "://" in location.partition("?")[0]:
        return parse_url(location)
    if location.startswith("//"):
        return parse_url(f"{base.scheme}:{location}")
    if location.startswith("/"):
        return parse_url(f"{base.scheme}://{base.host}:{base.port}{location}")
    folder = base.path.partition("?")[0].rpartition("/")[0]
    return parse_url(f"{base.scheme}://{base.host}:{base.port}{folder}/{location}")


MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def parse_date(text):
    """Seconds since 1970 of an HTTP date in any of its three forms (RFC 9110 section 5.6.7), or -1."""
    words = text.replace(",", " ").replace("-", " ").split()
    if len(words) == 6 and words[5].upper() == "GMT":
        _, day, month, year, clock, _ = words
    elif len(words) == 5:
        _, month, day, clock, year = words
    else:
        return -1
    numbers = [day, year, *clock.split(":")]
    if len(numbers) != 5 or not all(n.isascii() and n.isdigit() and len(n) <= 4 for n in numbers) or month.lower() not in MONTHS:
        return -1
    day, year, hour, minute, second = (int(n) for n in numbers)
    if len(numbers[1]) == 2:
        year += 2000 if year < 70 else 1900
    if not (1 <= day <= 31 and year >= 1970 and hour < 24 and minute < 60 and second <= 60):
        return -1
    return days_since_1970(year, MONTHS.index(month.lower()) + 1, day) * 86400 + hour * 3600 + minute * 60 + second


def days_since_1970(year, month, day):
    """Of a day in the Gregorian calendar: years begin in March, so that the leap day comes last."""
    year -= month <= 2
    day_of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return year * 365 + year // 4 - year // 100 + year // 400 + day_of_year - 719468
