"""httpd: serves files over HTTP/1.1: keep-alive, ranges, directory listings; one task, many connections."""

from userland import libc
from userland.proto.http import (
    KNOWN_METHODS,
    MAX_HEAD,
    REASONS,
    UNSATISFIABLE,
    HttpError,
    escape_html,
    head_end,
    mime_type,
    parse_date,
    parse_range,
    parse_request,
    percent_encode,
    response_head,
    target_path,
)

USAGE = "httpd [-fv] [-p PORT] [-t SECONDS] [-m CONNECTIONS] [DIR]"
BLOCK = 262144
RECEIVE = 16384
# A body up to this size goes out together with its head.
SMALL = 16384
EVENTS = 128
BACKLOG = 1024
# How many blocks one connection may send before the others get their turn.
BLOCKS_PER_TURN = 4
SERVER = "hwemu-httpd"
# How long a client may take for one request head, in seconds, however steadily it drips in.
HEAD_TIME = 20


class Connection:
    """One client: the request being read, or the answer being sent."""

    __slots__ = ("fd", "peer", "input", "output", "file", "left", "block", "keep", "writing", "used_at", "asked_at")

    def __init__(self, fd, peer, now):
        self.fd = fd
        self.peer = peer
        self.input = bytearray()
        # What is still to be sent of the head or the current block, and how many bytes of the file come after it.
        self.output = None
        self.file = -1
        self.left = 0
        self.block = None
        self.keep = True
        self.writing = False
        self.used_at = now
        # When the request that is being read began.
        self.asked_at = now


class Server:
    """The listening socket, its connections and the epoll set."""

    def __init__(self, listener, root, verbose, idle, limit):
        self.listener = listener
        self.root = root
        self.verbose = verbose
        self.idle = idle
        self.limit = limit
        self.epoll = libc.epoll_create()
        self.connections = {}
        self.scratch = bytearray(RECEIVE)
        self.full = False
        libc.epoll_ctl(self.epoll, libc.EPOLL_CTL_ADD, listener, libc.EPOLLIN)

    def run(self):
        """Serve until killed."""
        events = []
        swept = libc.clock_gettime()
        while True:
            if libc.epoll_wait(self.epoll, events, EVENTS, 1000) < 0 and libc.errno != libc.EINTR:
                libc.perror("httpd: epoll_wait")
                return 1
            for fd, mask in events:
                if fd == self.listener:
                    self.accept()
                elif fd in self.connections:
                    self.serve(self.connections[fd], mask)
            now = libc.clock_gettime()
            if now - swept >= 1:
                swept = now
                self.sweep(now)

    def accept(self):
        addr = bytearray(16)
        while True:
            if len(self.connections) >= self.limit:
                self.pause_accepting()
                return
            fd = libc.accept4(self.listener, addr, libc.SOCK_NONBLOCK)
            if fd < 0:
                if libc.errno in (libc.EMFILE, libc.ENFILE, libc.ENOBUFS, libc.ENOMEM):
                    self.pause_accepting()
                return
            connection = Connection(fd, libc.peer_text(addr), libc.clock_gettime())
            self.connections[fd] = connection
            libc.epoll_ctl(self.epoll, libc.EPOLL_CTL_ADD, fd, libc.EPOLLIN)

    def pause_accepting(self):
        """Out of descriptors, or of what -m allows: the rest wait in the backlog until a connection closes."""
        self.full = True
        libc.epoll_ctl(self.epoll, libc.EPOLL_CTL_MOD, self.listener, 0)

    def close(self, connection):
        self.finish_file(connection)
        del self.connections[connection.fd]
        libc.close(connection.fd)
        if self.full:
            self.full = False
            libc.epoll_ctl(self.epoll, libc.EPOLL_CTL_MOD, self.listener, libc.EPOLLIN)

    def sweep(self, now):
        """Close the connections that have been silent for too long, and those that never finish their request."""
        for connection in [c for c in self.connections.values() if self.overdue(c, now)]:
            self.close(connection)

    def overdue(self, connection, now):
        if now - connection.used_at > self.idle:
            return True
        return connection.output is None and bool(connection.input) and now - connection.asked_at > HEAD_TIME

    def serve(self, connection, mask):
        connection.used_at = libc.clock_gettime()
        if connection.output is None:
            if not self.receive(connection):
                self.close(connection)
                return
        elif mask & (libc.EPOLLERR | libc.EPOLLHUP):
            self.close(connection)
            return
        if connection.output is not None and not self.send(connection):
            self.close(connection)

    # --- requests ---

    def receive(self, connection):
        """Read what came and start an answer once a head is complete; False when the connection is over."""
        count = libc.recv(connection.fd, self.scratch, -1, 0)
        if count < 0:
            return libc.errno in (libc.EAGAIN, libc.EINTR)
        if count == 0:
            return False
        if not connection.input:
            connection.asked_at = connection.used_at
        connection.input += memoryview(self.scratch)[:count]
        self.next_request(connection)
        return True

    def next_request(self, connection):
        """Answer the next request that is complete in the input, if one is."""
        while connection.input[:2] == b"\r\n":
            del connection.input[:2]
        end = head_end(connection.input)
        if end < 0 and len(connection.input) < MAX_HEAD:
            return
        try:
            if end < 0 or end > MAX_HEAD:
                raise HttpError(431)
            request = parse_request(memoryview(connection.input)[:end])
            del connection.input[:end]
            # A body is not wanted: it would be read as the next request, so the connection ends behind the answer.
            connection.keep = request.keep_alive() and not request.has_body()
            self.answer(connection, request)
        except HttpError as error:
            connection.keep = False
            self.error(connection, error.status, "-")

    def answer(self, connection, request):
        try:
            if request.method not in ("GET", "HEAD"):
                raise HttpError(405 if request.method in KNOWN_METHODS else 501)
            self.file_answer(connection, request, target_path(request.target))
        except HttpError as error:
            self.error(connection, error.status, request.target, request.method == "HEAD")

    def file_answer(self, connection, request, path):
        full = self.root + path
        found = libc.stat(full)
        if found != -1 and found.is_directory():
            if not path.endswith("/"):
                self.redirect(connection, percent_encode(path + "/"), request)
                return
            index = libc.stat(full + "index.html")
            if index == -1 or index.is_directory():
                self.listing(connection, full, path, request)
                return
            full, found = full + "index.html", index
        elif path.endswith("/") and path != "/":
            raise HttpError(404)
        if found == -1 or found.st_mode & libc.S_IFMT != libc.S_IFREG:
            raise HttpError(404)
        fd = libc.open(full)
        if fd < 0:
            raise HttpError(403 if libc.errno in (libc.EACCES, libc.EPERM) else 404)
        self.file_response(connection, request, fd, full, found)

    def file_response(self, connection, request, fd, full, found):
        modified = libc.http_date(found.st_mtime)
        fields = [("Last-Modified", modified), ("Accept-Ranges", "bytes"), ("Content-Type", mime_type(full))]
        size = found.st_size
        since = parse_date(request.headers.get("if-modified-since"))
        if since >= 0 and found.st_mtime <= since and "range" not in request.headers.fields:
            libc.close(fd)
            self.start(connection, 304, fields, b"", request)
            return
        chosen = None
        if "range" in request.headers.fields and request.headers.get("if-range", modified) == modified:
            chosen = parse_range(request.headers.get("range"), size)
        if chosen == UNSATISFIABLE:
            libc.close(fd)
            self.error(connection, 416, request.target, request.method == "HEAD", [("Content-Range", f"bytes */{size}")])
            return
        first, last = chosen if chosen is not None else (0, size - 1)
        status = 200
        if chosen is not None:
            status = 206
            fields.append(("Content-Range", f"bytes {first}-{last}/{size}"))
        length = last - first + 1
        body = b""
        if request.method == "HEAD" or length == 0:
            libc.close(fd)
        elif first and libc.lseek(fd, first) < 0:
            libc.close(fd)
            raise HttpError(500)
        elif length <= SMALL:
            body = libc.read_bytes(fd, length)
            libc.close(fd)
            if body == -1 or len(body) != length:
                raise HttpError(500)
        else:
            connection.file = fd
            connection.left = length
        self.start(connection, status, fields, body, request, length)

    def redirect(self, connection, location, request):
        body = f'<a href="{location}">{location}</a>\n'.encode()
        self.start(connection, 301, [("Location", location), ("Content-Type", "text/html")], body, request)

    def listing(self, connection, full, path, request):
        names = libc.listdir(full)
        if names == -1:
            raise HttpError(403)
        rows = ['<li><a href="../">../</a></li>'] if path != "/" else []
        for name in names:
            found = libc.stat(full + name)
            slash = "/" if found != -1 and found.is_directory() else ""
            rows.append(f'<li><a href="{percent_encode("./" + name + slash)}">{escape_html(name)}{slash}</a></li>')
        title = escape_html(path)
        body = (
            f'<!DOCTYPE html>\n<html><head><meta charset="utf-8"><title>Index of {title}</title></head>\n'
            f"<body><h1>Index of {title}</h1><ul>\n" + "\n".join(rows) + "\n</ul></body></html>\n"
        ).encode()
        self.start(connection, 200, [("Content-Type", "text/html; charset=utf-8")], body, request)

    # --- answers ---

    def error(self, connection, status, target, head_only=False, fields=()):
        body = f"{status} {REASONS[status]}\n".encode()
        extra = [("Content-Type", "text/plain"), *fields]
        if status == 405:
            extra.append(("Allow", "GET, HEAD"))
        self.begin(connection, status, extra, b"" if head_only else body, len(body), target)

    def start(self, connection, status, fields, body, request, length=-1):
        shown = b"" if request.method == "HEAD" else body
        self.begin(connection, status, fields, shown, len(body) if length < 0 else length, request.target)

    def begin(self, connection, status, fields, body, length, target):
        """Put the head, and a small body, into the output."""
        head = [("Date", libc.http_date(int(libc.wall_clock()))), ("Server", SERVER), *fields]
        if status != 304:
            head.append(("Content-Length", str(length)))
        head.append(("Connection", "keep-alive" if connection.keep else "close"))
        connection.output = memoryview(response_head(status, head) + body)
        if self.verbose:
            libc.eputs(f'{connection.peer} "{target}" {status} {length}')

    def send(self, connection):
        """Send what the socket takes; False when the connection is over."""
        for _ in range(BLOCKS_PER_TURN):
            flags = libc.MSG_NOSIGNAL | (libc.MSG_MORE if connection.left else 0)
            count = libc.send(connection.fd, connection.output, -1, flags)
            if count < 0:
                if libc.errno not in (libc.EAGAIN, libc.EINTR):
                    return False
                break
            connection.output = connection.output[count:]
            if len(connection.output):
                break
            if not connection.left:
                if not self.finish(connection):
                    return False
                if connection.output is None:
                    return True
                continue
            if not self.fill(connection):
                return False
        self.want_write(connection, True)
        return True

    def fill(self, connection):
        """The next block of the file into the output; False when the file ended early."""
        if connection.block is None:
            connection.block = bytearray(min(BLOCK, connection.left))
        wanted = min(BLOCK, connection.left)
        count = libc.read(connection.file, connection.block, wanted)
        if count <= 0:
            return False
        connection.left -= count
        connection.output = memoryview(connection.block)[:count]
        return True

    def finish(self, connection):
        """The answer is out: on to the next request, or False to close."""
        self.finish_file(connection)
        connection.output = None
        if not connection.keep:
            # A close with unread input would reset the connection and could cut the answer short.
            libc.shutdown(connection.fd, libc.SHUT_WR)
            libc.recv(connection.fd, self.scratch, -1, libc.MSG_DONTWAIT)
            return False
        self.next_request(connection)
        if connection.output is None:
            self.want_write(connection, False)
        return True

    def finish_file(self, connection):
        if connection.file >= 0:
            libc.close(connection.file)
            connection.file = -1
        connection.left = 0
        connection.block = None

    def want_write(self, connection, writing):
        if connection.writing != writing:
            connection.writing = writing
            mask = libc.EPOLLOUT if writing else libc.EPOLLIN
            libc.epoll_ctl(self.epoll, libc.EPOLL_CTL_MOD, connection.fd, mask)


def main(argv):
    try:
        options = libc.getopt(argv, "p:fvt:h:m:", USAGE)
        if len(options.operands) > 1:
            raise libc.UsageError(f"usage: {USAGE}")
        port = options.integer("p", 80, 1, 65535)
        idle = options.integer("t", 60, 1)
        limit = options.integer("m", 1000, 1)
    except libc.UsageError as error:
        libc.eputs(f"httpd: {error}")
        return 2
    root = options.operands[0] if options.operands else options.get("h", ".")
    found = libc.stat(root)
    if found == -1 or not found.is_directory():
        libc.eputs(f"httpd: {root}: {libc.strerror(libc.errno if found == -1 else libc.ENOTDIR)}")
        return 1
    fd = libc.socket(libc.AF_INET, libc.SOCK_STREAM | libc.SOCK_NONBLOCK)
    if fd >= 0:
        libc.setsockopt(fd, libc.SOL_SOCKET, libc.SO_REUSEADDR, 1)
    if fd < 0 or libc.bind(fd, libc.sockaddr_in("0.0.0.0", port)) < 0 or libc.listen(fd, BACKLOG) < 0:
        libc.perror(f"httpd: port {port}")
        return 1
    return Server(fd, root.rstrip("/"), options.has("v"), idle, limit).run()
