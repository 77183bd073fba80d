"""One exchange of HTTP over a socket of the machine, as curl and wget make it: connect, ask, read the answer."""

from userland import libc
from userland.net.tls import TlsError, TlsStream
from userland.proto.http import MAX_HEAD, ChunkedDecoder, head_end, parse_response

BLOCK = 262144
NS = 1000000000
# What went wrong, so that each program can say it in its own way and exit with its own status.
RESOLVE, CONNECT, SEND, RECEIVE, EMPTY, PROTOCOL, PARTIAL, TIMEOUT, TLS = range(9)


class FetchError(Exception):
    """An exchange that failed: `kind` is one of the constants above, the text one line."""

    def __init__(self, kind, text):
        super().__init__(text)
        self.kind = kind


class Exchange:
    """A connection to a server and one request on it; times in ns, 0 for no limit."""

    def __init__(self, timeout=0, connect_timeout=0, tls_context=None):
        self.deadline = libc.clock_gettime_ns() + timeout if timeout else 0
        self.connect_timeout = connect_timeout
        self.tls_context = tls_context
        self.fd = -1
        self.tls = None
        self.address = None
        self.response = None
        self.head = b""
        self.received = bytearray()
        self.connected_at = 0

    def close(self):
        if self.fd >= 0:
            libc.close(self.fd)
            self.fd = -1

    # --- the connection ---

    def connect(self, url, on_failure=None):
        """Try the host's addresses in turn; FetchError.  `on_failure(sockaddr, errno)` hears of each that failed."""
        code, found = libc.getaddrinfo(url.host, str(url.port), libc.AF_INET, libc.SOCK_STREAM)
        if code:
            raise FetchError(RESOLVE, libc.gai_strerror(code))
        for info in found:
            self.fd = libc.socket(libc.AF_INET, libc.SOCK_STREAM | libc.SOCK_NONBLOCK)
            if self.fd < 0:
                raise FetchError(CONNECT, f"socket: {libc.strerror(libc.errno)}")
            self.address = info.ai_addr
            number = self.connect_one(info.ai_addr)
            if number == 0:
                break
            self.close()
            if on_failure is not None:
                on_failure(info.ai_addr, number)
        else:
            raise FetchError(TIMEOUT if number == libc.ETIMEDOUT else CONNECT, libc.strerror(number))
        self.connected_at = libc.clock_gettime_ns()
        if url.scheme == "https":
            libc.set_nonblocking(self.fd, False)
            self.limit_blocking()
            try:
                self.tls = TlsStream(self.fd, url.host, self.tls_context)
            except TlsError as error:
                raise FetchError(TLS, str(error)) from None

    def connect_one(self, addr):
        """0, or an errno."""
        if libc.connect(self.fd, addr) == 0:
            return 0
        if libc.errno != libc.EINPROGRESS:
            return libc.errno
        limit = libc.clock_gettime_ns() + self.connect_timeout if self.connect_timeout else 0
        if not self.wait(libc.POLLOUT, limit):
            return libc.ETIMEDOUT
        return libc.socket_error(self.fd)

    def limit_blocking(self):
        """What TLS does blocks: the socket's own timeouts stand for the deadline."""
        if not self.deadline:
            return
        left = max(1, self.deadline - libc.clock_gettime_ns())
        limit = (left // NS).to_bytes(8, "little") + (left % NS // 1000).to_bytes(8, "little")
        libc.setsockopt(self.fd, libc.SOL_SOCKET, libc.SO_RCVTIMEO, limit)
        libc.setsockopt(self.fd, libc.SOL_SOCKET, libc.SO_SNDTIMEO, limit)

    def wait(self, events, limit=0):
        """Wait for the socket; False when `limit` or the deadline has passed."""
        while True:
            ends = [mark for mark in (limit, self.deadline) if mark]
            left = -1
            if ends:
                left = -(-(min(ends) - libc.clock_gettime_ns()) // 1000000)
                if left <= 0:
                    return False
            count = libc.poll([libc.pollfd(self.fd, events)], left)
            if count > 0:
                return True
            if count < 0 and libc.errno != libc.EINTR:
                raise FetchError(RECEIVE, libc.strerror(libc.errno))

    # --- bytes ---

    def send(self, data):
        """All of `data`; FetchError."""
        if self.tls is not None:
            try:
                self.tls.send_all(data)
            except TlsError as error:
                raise FetchError(SEND, str(error)) from None
            return
        view = memoryview(data)
        while len(view):
            count = libc.send(self.fd, view, -1, libc.MSG_NOSIGNAL)
            if count >= 0:
                view = view[count:]
            elif libc.errno != libc.EAGAIN:
                raise FetchError(SEND, libc.strerror(libc.errno))
            elif not self.wait(libc.POLLOUT):
                raise FetchError(TIMEOUT, "timed out")

    def receive(self, size=BLOCK):
        """Some bytes, b'' at the end; FetchError."""
        if self.tls is not None:
            try:
                return self.tls.recv(size)
            except TlsError as error:
                raise FetchError(RECEIVE, str(error)) from None
        while True:
            data = libc.recv_bytes(self.fd, size)
            if data != -1:
                return data
            if libc.errno not in (libc.EAGAIN, libc.EINTR):
                raise FetchError(RECEIVE, libc.strerror(libc.errno))
            if not self.wait(libc.POLLIN):
                raise FetchError(TIMEOUT, "timed out")

    # --- the answer ---

    def read_response(self):
        """The head of the answer, interim ones passed over; what came behind it stays in `received`."""
        while True:
            self.read_head()
            if not 100 <= self.response.status < 200 or self.response.status == 101:
                return self.response

    def read_head(self):
        data = self.received
        while True:
            end = head_end(data)
            if end >= 0:
                break
            if len(data) > 4 * MAX_HEAD:
                raise FetchError(PROTOCOL, "response head too large")
            chunk = self.receive(MAX_HEAD)
            if not chunk:
                raise FetchError(EMPTY if not data else PARTIAL, "the server closed without an answer")
            data += chunk
        self.head = bytes(memoryview(data)[:end])
        self.response = parse_response(self.head)
        if self.response is None:
            raise FetchError(PROTOCOL, "malformed response")
        del data[:end]

    def body(self, head_only=False):
        """Yields the pieces of the body; FetchError when it ends too early."""
        response = self.response
        if head_only or response.status in (204, 304) or 100 <= response.status < 200:
            return
        decoder = ChunkedDecoder() if response.chunked() else None
        left = -1 if decoder is not None else response.content_length()
        chunk = bytes(self.received)
        self.received = bytearray()
        while left != 0:
            if decoder is not None:
                yield from decoder.feed(chunk)
                if decoder.failed:
                    raise FetchError(PROTOCOL, "malformed chunk")
                if decoder.done:
                    return
            elif chunk:
                piece = chunk if left < 0 else chunk[:left]
                left -= len(piece) if left > 0 else 0
                yield piece
                if left == 0:
                    return
            chunk = self.receive(min(BLOCK, left) if left > 0 else BLOCK)
            if not chunk:
                if decoder is None and left < 0:
                    return
                raise FetchError(PARTIAL, f"transfer closed with {max(left, 0)} bytes remaining to read")
