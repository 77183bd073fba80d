"""wget: fetches files over HTTP and HTTPS: redirects, resuming, chunked bodies, a progress line on a terminal."""

from userland import libc
from userland.net import fetch
from userland.net.fetch import Exchange, FetchError
from userland.net.tls import TlsError, client_context
from userland.proto.http import HttpError, join_url, parse_url, percent_decode

USAGE = (
    "wget [-qcS] [-O FILE] [-P DIR] [-T SECONDS] [-t TRIES] [-U AGENT] [--no-check-certificate] [--ca-certificate FILE] URL ..."
)
GENERIC, FILE_ERROR, NETWORK_ERROR, TLS_ERROR, SERVER_ERROR = 1, 3, 4, 5, 8
REDIRECTS = 20
REDIRECT_STATUSES = (301, 302, 303, 307, 308)
NS = 1000000000


class Failed(Exception):
    """A fetch that ended badly: the exit status, and the line for the user."""

    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


class Retry(Failed):
    """A fetch that may go better the next time."""


class Fetch:
    """One URL to one file."""

    def __init__(self, options, url):
        self.url = url
        self.quiet = options.has("q")
        self.resume = options.has("c")
        self.show_headers = options.has("S")
        self.timeout = options.integer("T", 900, 1, 100000)
        self.tries = options.integer("t", 3, 1, 1000)
        self.output = options.get("O")
        self.directory = options.get("P")
        self.agent = options.get("U", "Wget (hwemu)")
        self.insecure = options.has("no-check-certificate")
        self.certificates = options.get("ca-certificate")
        self.exchange = None
        self.out = -1
        self.start = 0
        self.done = 0
        self.total = -1
        self.began = 0
        self.drawn = 0
        self.progress = not self.quiet and libc.isatty(2)

    def say(self, text):
        if not self.quiet:
            libc.eputs(text)

    def run(self):
        """Fetch, again after a network failure (resuming where it stopped); Failed when all tries are used up."""
        for attempt in range(1, self.tries + 1):
            try:
                self.once()
                return
            except Retry as error:
                if attempt == self.tries:
                    raise
                self.say(f"{error}; retrying.")
                if self.out >= 0 and self.out != libc.STDOUT_FILENO:
                    self.resume = True
                elif self.done:
                    raise
                libc.sleep(min(attempt, 10))
            finally:
                self.close()

    def close(self):
        if self.exchange is not None:
            self.exchange.close()

    def once(self):
        url = self.url
        for _ in range(REDIRECTS + 1):
            response = self.request(url)
            if response.status not in REDIRECT_STATUSES or not response.headers.get("location"):
                self.receive(url, response)
                return
            location = response.headers.get("location")
            self.say(f"Location: {location} [following]")
            url = join_url(url, location)
            if url is None:
                raise Failed(GENERIC, f"{location}: unsupported URL")
            self.close()
        raise Failed(SERVER_ERROR, f"{REDIRECTS} redirections exceeded.")

    # --- the exchange ---

    def connect(self, url):
        context = None
        try:
            if url.scheme == "https":
                context = client_context(self.insecure, self.certificates)
            self.exchange = Exchange(self.timeout * NS, self.timeout * NS, context)
            self.exchange.connect(url, self.connect_failed)
        except TlsError as error:
            raise Failed(TLS_ERROR, f"wget: {error}") from None
        except FetchError as error:
            if error.kind == fetch.RESOLVE:
                raise Failed(NETWORK_ERROR, f"wget: unable to resolve host address '{url.host}'") from None
            if error.kind == fetch.TLS:
                raise Failed(TLS_ERROR, f"wget: {error}") from None
            raise Retry(NETWORK_ERROR, f"wget: {url.host}: {error}") from None
        self.say(f"Connecting to {libc.peer_text(self.exchange.address)}... connected.")

    def connect_failed(self, addr, number):
        self.say(f"Connecting to {libc.peer_text(addr)}... failed: {libc.strerror(number)}.")

    def request(self, url):
        self.say(f"--{timestamp()}--  {url.text()}")
        self.start = self.resume_from(url)
        self.connect(url)
        lines = [f"GET {url.path} HTTP/1.1", f"Host: {url.host_field()}", f"User-Agent: {self.agent}", "Accept: */*"]
        if self.start:
            lines.append(f"Range: bytes={self.start}-")
        lines += ["Connection: close", "", ""]
        try:
            self.exchange.send("\r\n".join(lines).encode("utf-8", "surrogateescape"))
            response = self.exchange.read_response()
        except FetchError as error:
            if error.kind == fetch.PROTOCOL:
                raise Failed(SERVER_ERROR, f"wget: {error}") from None
            raise Retry(NETWORK_ERROR, "No data received" if error.kind == fetch.EMPTY else f"wget: {error}") from None
        self.say(f"HTTP request sent, awaiting response... {response.status} {response.reason}")
        if self.show_headers:
            for name, value in response.headers.fields.items():
                libc.eputs(f"  {name}: {value}")
        return response

    # --- the file ---

    def file_name(self, url):
        if self.output is not None:
            return self.output
        try:
            decoded = percent_decode(url.path.partition("?")[0]).decode("utf-8", "replace")
        except HttpError:
            decoded = ""
        name = decoded.rpartition("/")[2].replace("\0", "")
        if name in ("", ".", ".."):
            name = "index.html"
        return f"{self.directory}/{name}" if self.directory else name

    def resume_from(self, url):
        if not self.resume or self.output == "-":
            return 0
        found = libc.stat(self.file_name(url))
        return 0 if found == -1 else found.st_size

    def open_output(self, url, append):
        name = self.file_name(url)
        if name == "-":
            self.out = libc.STDOUT_FILENO
            return "STDOUT"
        mode = libc.O_APPEND if append else libc.O_TRUNC
        if self.out > libc.STDERR_FILENO:
            libc.close(self.out)
        self.out = libc.open(name, libc.O_WRONLY | libc.O_CREAT | mode)
        if self.out < 0:
            raise Failed(FILE_ERROR, f"{name}: {libc.strerror(libc.errno)}")
        return name

    def receive(self, url, response):
        if response.status == 416 and self.start:
            self.say("\n    The file is already fully retrieved; nothing to do.\n")
            return
        if response.status not in (200, 206):
            raise Failed(SERVER_ERROR, f"wget: server returned error: {response.status} {response.reason}")
        resumed = response.status == 206 and self.start > 0
        if not resumed:
            self.start = 0
        length = -1 if response.chunked() else response.content_length()
        self.done = self.start
        self.total = -1 if length < 0 else self.start + length
        kind = response.headers.get("content-type", "")
        self.say(f"Length: {'unspecified' if length < 0 else f'{self.total} ({human(self.total)})'} [{kind}]")
        name = self.open_output(url, resumed)
        self.say(f"Saving to: '{name}'")
        self.began = libc.clock_gettime_ns()
        self.drawn = self.began
        self.body()
        if self.out != libc.STDOUT_FILENO:
            libc.close(self.out)
            self.out = -1
        self.draw(True)
        size = f"{self.done}/{self.total}" if self.total >= 0 else str(self.done)
        self.say(f"\n{timestamp()} ({self.rate()}) - '{name}' saved [{size}]\n")

    def body(self):
        """Copy the body out; Retry when it ends too early."""
        try:
            for piece in self.exchange.body():
                self.write(piece)
        except FetchError as error:
            if error.kind == fetch.PROTOCOL:
                raise Failed(SERVER_ERROR, f"wget: {error}") from None
            what = f"connection closed at byte {self.done}" if error.kind == fetch.PARTIAL else f"read error: {error}"
            raise Retry(NETWORK_ERROR, f"wget: {what}") from None

    def write(self, piece):
        if not len(piece):
            return
        if libc.write_all(self.out, piece) < 0:
            raise Failed(FILE_ERROR, f"wget: write error: {libc.strerror(libc.errno)}")
        self.done += len(piece)
        self.draw(False)

    def rate(self):
        seconds = (libc.clock_gettime_ns() - self.began) / 1e9
        return f"{human((self.done - self.start) / seconds)}B/s" if seconds > 0 else "inf B/s"

    def draw(self, finished):
        """The progress line, at most five times a second."""
        if not self.progress:
            return
        now = libc.clock_gettime_ns()
        if not finished and now - self.drawn < 200000000:
            return
        self.drawn = now
        if self.total > 0:
            percent = 100 * self.done // self.total
            bar = "=" * (percent * 30 // 100) + ">"
            text = f"{percent:3}%[{bar:<31}]"
        else:
            text = "    [" + " " * 31 + "]"
        end = "\n" if finished else ""
        libc.fputs(f"\r{text} {human(self.done):>8}  {self.rate():>12}{end}", libc.STDERR_FILENO)


def human(count):
    """A byte count with a unit."""
    for unit in ("", "K", "M", "G"):
        if count < 1024 or unit == "G":
            return f"{count:.0f}{unit}" if count >= 100 or not unit else f"{count:.1f}{unit}"
        count /= 1024
    return ""


def timestamp():
    year, month, day, hour, minute, second, _ = libc.gmtime(int(libc.wall_clock()))
    return f"{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}"


def main(argv):
    try:
        options = libc.getopt(argv, "qcSO:P:T:t:U:", USAGE, ("no-check-certificate", "ca-certificate="))
        if not options.operands:
            raise libc.UsageError(f"missing URL (usage: {USAGE})")
        fetches = []
        for text in options.operands:
            url = parse_url(text)
            if url is None:
                raise libc.UsageError(f"{text}: unsupported URL")
            fetches.append(Fetch(options, url))
    except libc.UsageError as error:
        libc.eputs(f"wget: {error}")
        return 2
    status = 0
    for one in fetches:
        try:
            one.run()
        except Failed as error:
            libc.eputs(str(error))
            status = error.status
    return status
