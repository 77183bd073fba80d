"""curl: transfers to and from URLs of http and https."""

from userland import libc
from userland.net import fetch
from userland.net.fetch import Exchange, FetchError
from userland.net.tls import TlsError, client_context
from userland.proto.base64 import encode_base64
from userland.proto.http import HttpError, join_url, parse_url, percent_decode, percent_encode

USAGE = (
    "curl [-fiIkLOsSvG] [-o FILE] [-X METHOD] [-d DATA | --data-binary DATA | --data-urlencode DATA] [-T FILE] "
    "[-H 'NAME: VALUE'] [-u USER:PASSWORD] [-A AGENT] [-e REFERER] [-r RANGE] [-C OFFSET|-] [-D FILE] [-m SECONDS] "
    "[--connect-timeout SECONDS] [--max-redirs N] [--cacert FILE] [-w FORMAT] URL ..."
)
LETTERS = "fiIkLOsSvGo:X:d:T:H:u:A:e:r:C:D:m:w:"
LONG = {
    "fail": "f", "include": "i", "head": "I", "insecure": "k", "location": "L", "remote-name": "O", "silent": "s",
    "show-error": "S", "verbose": "v", "get": "G", "output": "o", "request": "X", "data": "d", "upload-file": "T", "header": "H",
    "user": "u", "user-agent": "A", "referer": "e", "range": "r", "continue-at": "C", "dump-header": "D", "max-time": "m",
    "write-out": "w",
}  # fmt: skip
ARGUMENTS = ("data-binary", "data-urlencode", "data-raw", "connect-timeout", "max-redirs", "cacert", "url", "json")
OK, BAD_URL, RESOLVE, CONNECT, HTTP_ERROR, WRITE, READ, TIMED_OUT, RANGE = 0, 3, 6, 7, 22, 23, 26, 28, 33
TLS_FAILED, REDIRECTS, EMPTY, SEND, RECEIVE, PARTIAL, CERTIFICATE, WEIRD = 35, 47, 52, 55, 56, 18, 60, 8
REDIRECT_STATUSES = (301, 302, 303, 307, 308)
NS = 1000000000
DEFAULT_REDIRECTS = 50


class Failed(Exception):
    """A transfer that ended badly: curl's exit status and its message."""

    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


class Transfer:
    """One URL, with its redirects."""

    def __init__(self, options, url):
        self.options = options
        self.first = url
        self.url = url
        self.body = request_body(options)
        self.method = self.chosen_method()
        self.redirects = 0
        self.out = -1
        self.resume = 0
        self.done = 0
        self.started = libc.clock_gettime_ns()
        self.exchange = None
        self.response = None
        self.connected = 0
        self.first_byte = 0

    def chosen_method(self):
        if self.options.has("X"):
            return self.options.get("X")
        if self.options.has("I"):
            return "HEAD"
        if self.options.has("T"):
            return "PUT"
        return "POST" if self.body is not None else "GET"

    # --- the request ---

    def headers(self):
        """The fields of the request, the user's own last; an empty one of the user's takes a default away."""
        url = self.url
        fields = {"Host": url.host_field(), "User-Agent": self.options.get("A", "curl/8 (hwemu)"), "Accept": "*/*"}
        credentials = self.options.get("u") or (percent_decode(url.user).decode("utf-8", "replace") if url.user else None)
        if credentials and url.host == self.first.host:
            fields["Authorization"] = "Basic " + encode_base64(credentials.encode("utf-8", "surrogateescape"))
        if self.options.has("e"):
            fields["Referer"] = self.options.get("e")
        if self.options.has("r"):
            fields["Range"] = f"bytes={self.options.get('r')}"
        elif self.resume:
            fields["Range"] = f"bytes={self.resume}-"
        if self.body is not None:
            fields["Content-Length"] = str(len(self.body))
            if not self.options.has("T"):
                json = self.options.has("json")
                fields["Content-Type"] = "application/json" if json else "application/x-www-form-urlencoded"
        known = {name.lower(): name for name in fields}
        extra = []
        for line in (value for name, value in self.options.given if name == "H"):
            name, colon, value = line.partition(":")
            fields.pop(known.get(name.strip().lower(), ""), None)
            if colon and value.strip():
                extra.append((name.strip(), value.strip()))
        return [*fields.items(), *extra]

    def request(self):
        context = None
        if self.url.scheme == "https":
            try:
                context = client_context(self.options.has("k"), self.options.get("cacert"))
            except TlsError as error:
                raise Failed(77, str(error)) from None
        limit = int(self.options.real("m", 0) * NS)
        left = max(1, limit - (libc.clock_gettime_ns() - self.started)) if limit else 0
        self.exchange = Exchange(left, int(self.options.real("connect-timeout", 0) * NS), context)
        self.exchange.connect(self.url, self.connect_failed)
        self.connected = self.exchange.connected_at
        address = libc.sockaddr_in_pair(self.exchange.address)[0]
        self.note("*", f"Connected to {self.url.host} ({address}) port {self.url.port}")
        fields = [*self.headers(), ("Connection", "close")]
        lines = [f"{self.method} {self.url.path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields)]
        for line in [*lines, ""]:
            self.note(">", line)
        head = "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape")
        self.exchange.send(head + (self.body or b""))
        self.response = self.exchange.read_response()
        self.first_byte = libc.clock_gettime_ns()
        for line in self.exchange.head.decode("latin-1").splitlines():
            self.note("<", line)

    def connect_failed(self, addr, number):
        self.note("*", f"connect to {libc.peer_text(addr)} failed: {libc.strerror(number)}")

    def note(self, mark, text):
        if self.options.has("v"):
            libc.eputs(f"{mark} {text}")

    # --- the whole transfer ---

    def run(self):
        """Do it; Failed."""
        self.resume = self.resume_offset()
        while True:
            try:
                self.request()
                if not self.follows():
                    self.receive()
                    return
            except FetchError as error:
                raise self.failure(error) from None
            finally:
                if self.exchange is not None:
                    self.exchange.close()

    def follows(self):
        """Whether the answer is a redirect that is followed: then the next request is prepared."""
        location = self.response.headers.get("location")
        if not self.options.has("L") or self.response.status not in REDIRECT_STATUSES or not location:
            return False
        limit = self.options.integer("max-redirs", DEFAULT_REDIRECTS, -1)
        if 0 <= limit <= self.redirects:
            raise Failed(REDIRECTS, f"Maximum ({limit}) redirects followed")
        self.redirects += 1
        if self.options.has("i") or self.options.has("I"):
            self.open_output()
            self.write(self.exchange.head)
        target = join_url(self.url, location)
        if target is None:
            raise Failed(1, f"Protocol of '{location}' not supported")
        if (self.response.status == 303 and self.method != "HEAD") or (
            self.response.status in (301, 302) and self.method == "POST" and not self.options.has("X")
        ):
            self.method, self.body = "GET", None
        self.url = target
        return True

    def failure(self, error):
        where = f"{self.url.host} port {self.url.port}"
        texts = {
            fetch.RESOLVE: (RESOLVE, f"Could not resolve host: {self.url.host}"),
            fetch.CONNECT: (CONNECT, f"Failed to connect to {where}: {error}"),
            fetch.TIMEOUT: (TIMED_OUT, f"Operation timed out after {self.elapsed() // 1000000} milliseconds"),
            fetch.EMPTY: (EMPTY, "Empty reply from server"),
            fetch.SEND: (SEND, f"Send failure: {error}"),
            fetch.PARTIAL: (PARTIAL, str(error)),
            fetch.PROTOCOL: (WEIRD, str(error)),
            fetch.TLS: (CERTIFICATE if "certificate" in str(error) else TLS_FAILED, str(error)),
        }
        return Failed(*texts.get(error.kind, (RECEIVE, f"Recv failure: {error}")))

    def elapsed(self):
        return libc.clock_gettime_ns() - self.started

    # --- the file ---

    def file_name(self):
        """Where the body goes, None for standard output."""
        if self.options.has("o"):
            return None if self.options.get("o") == "-" else self.options.get("o")
        if not self.options.has("O"):
            return None
        try:
            name = percent_decode(self.first.path.partition("?")[0]).decode("utf-8", "replace").rpartition("/")[2]
        except HttpError:
            name = ""
        if name.replace("\0", "") in ("", ".", ".."):
            raise Failed(WRITE, "Remote file name has no length")
        return name.replace("\0", "")

    def resume_offset(self):
        offset = self.options.get("C")
        if offset is None:
            return 0
        if offset != "-":
            return libc.integer(offset, 0, 1 << 60)
        name = self.file_name()
        found = libc.stat(name) if name is not None else -1
        return 0 if found == -1 else found.st_size

    def open_output(self):
        if self.out >= 0:
            return
        name = self.file_name()
        if name is None:
            self.out = libc.STDOUT_FILENO
            return
        mode = libc.O_APPEND if self.resume else libc.O_TRUNC
        self.out = libc.open(name, libc.O_WRONLY | libc.O_CREAT | mode, 0o666)
        if self.out < 0:
            raise Failed(WRITE, f"{name}: {libc.strerror(libc.errno)}")

    def write(self, data):
        if libc.write_all(self.out, data) < 0:
            raise Failed(WRITE, f"Failure writing output: {libc.strerror(libc.errno)}")

    def receive(self):
        status = self.response.status
        if self.options.has("f") and status >= 400:
            raise Failed(HTTP_ERROR, f"The requested URL returned error: {status}")
        if self.resume and status == 416:
            return
        if self.resume and status != 206:
            raise Failed(RANGE, "HTTP server does not seem to support byte ranges. Cannot resume.")
        self.dump_headers()
        self.open_output()
        if self.options.has("i") or self.options.has("I"):
            self.write(self.exchange.head)
        for piece in self.exchange.body(self.method == "HEAD"):
            self.write(piece)
            self.done += len(piece)

    def dump_headers(self):
        name = self.options.get("D")
        if name is None:
            return
        fd = libc.STDOUT_FILENO if name == "-" else libc.open(name, libc.O_WRONLY | libc.O_CREAT | libc.O_TRUNC, 0o666)
        if fd < 0 or libc.write_all(fd, self.exchange.head) < 0:
            raise Failed(WRITE, f"{name}: {libc.strerror(libc.errno)}")
        if fd > libc.STDERR_FILENO:
            libc.close(fd)

    def close(self):
        if self.out > libc.STDERR_FILENO:
            libc.close(self.out)

    # --- what -w shows ---

    def write_out(self, form, status):
        values = {
            "http_code": f"{self.response.status if self.response is not None else 0:03}",
            "size_download": str(self.done),
            "time_total": seconds(self.elapsed()),
            "time_connect": seconds(max(0, self.connected - self.started)),
            "time_starttransfer": seconds(max(0, self.first_byte - self.started)),
            "speed_download": str(self.done * NS // max(1, self.elapsed())),
            "num_redirects": str(self.redirects),
            "url_effective": self.url.text(),
            "content_type": self.response.headers.get("content-type") if self.response is not None else "",
            "remote_ip": libc.peer_text(self.exchange.address or b"").partition(":")[0] if self.exchange is not None else "",
            "method": self.method,
            "exitcode": str(status),
        }
        values["response_code"] = values["http_code"]
        for name, value in values.items():
            form = form.replace("%{" + name + "}", value)
        return form.replace("\\n", "\n").replace("\\t", "\t").replace("\\r", "\r").replace("%%", "%")


def seconds(nanoseconds):
    return f"{nanoseconds // NS}.{nanoseconds % NS // 1000:06}"


def read_argument(value, keep_lines):
    """The bytes of a -d argument: text, @FILE or @- for the input; line ends go unless they are kept."""
    if not value.startswith("@"):
        return value.encode("utf-8", "surrogateescape")
    name = value[1:]
    raw = read_input() if name == "-" else libc.read_file(name)
    if raw == -1:
        raise Failed(READ, f"Failed to open {name}: {libc.strerror(libc.errno)}")
    return raw if keep_lines else raw.replace(b"\r", b"").replace(b"\n", b"")


def read_input():
    parts = []
    while chunk := libc.read_bytes(libc.STDIN_FILENO, 65536):
        if chunk == -1:
            return -1
        parts.append(chunk)
    return b"".join(parts)


def url_encoded(value):
    """--data-urlencode: CONTENT, =CONTENT, NAME=CONTENT."""
    name, equals, content = value.partition("=")
    if not equals:
        name, content = "", value
    encoded = percent_encode(content).replace("/", "%2F").replace("&", "%26").replace("=", "%3D").replace("+", "%2B")
    return ((name + "=") if name else "") + encoded.replace("?", "%3F").replace("#", "%23").replace(":", "%3A")


def request_body(options):
    """What is sent behind the head, or None; with -G it belongs into the URL."""
    if options.has("T"):
        name = options.get("T")
        raw = read_input() if name == "-" else libc.read_file(name)
        if raw == -1:
            raise Failed(READ, f"Failed to open {name}: {libc.strerror(libc.errno)}")
        return raw
    parts = []
    for name, value in options.given:
        if name == "d":
            parts.append(read_argument(value, False))
        elif name in ("data-binary", "json"):
            parts.append(read_argument(value, True))
        elif name == "data-raw":
            parts.append(value.encode("utf-8", "surrogateescape"))
        elif name == "data-urlencode":
            parts.append(url_encoded(value).encode("utf-8", "surrogateescape"))
    return b"&".join(parts) if parts and not options.has("G") else None


def with_query(options, url):
    """-G: the data behind a question mark."""
    if options.has("G"):
        options.given = [pair for pair in options.given if pair[0] != "G"]
        data = request_body(options)
        options.given = [pair for pair in options.given if pair[0] not in ("d", "data-binary", "data-urlencode", "data-raw")]
        if data:
            url.path += ("&" if "?" in url.path else "?") + percent_encode(data.decode("latin-1"))
    return url


def main(argv):
    try:
        names = [f"{name}=" if f"{letter}:" in LETTERS else name for name, letter in LONG.items()]
        options = libc.getopt(argv, LETTERS, USAGE, (*names, *(f"{name}=" for name in ARGUMENTS)))
        options.given = [(LONG.get(name, name), value) for name, value in options.given]
        words = options.operands + [value for name, value in options.given if name == "url"]
        if not words:
            raise libc.UsageError(f"no URL specified (usage: {USAGE})")
        # Numbers are checked before anything is sent.
        for name in ("m", "connect-timeout"):
            options.real(name, 0)
        options.integer("max-redirs", 0, -1)
    except libc.UsageError as error:
        libc.eputs(f"curl: {error}")
        return 2
    status = OK
    for word in words:
        status = one(options, word) or status
    return status


def one(options, word):
    """Transfer one URL; the exit status."""
    quiet = options.has("s") and not options.has("S")
    transfer = None
    status = OK
    try:
        url = parse_url(word)
        if url is None:
            raise Failed(BAD_URL, f"URL rejected: {word}")
        transfer = Transfer(options, with_query(options, url))
        transfer.run()
    except (Failed, HttpError) as error:
        status = error.status if isinstance(error, Failed) else BAD_URL
        if not quiet:
            libc.eputs(f"curl: ({status}) {error}")
    if transfer is not None:
        transfer.close()
        if options.has("w"):
            libc.fputs(transfer.write_out(options.get("w"), status))
    return status
