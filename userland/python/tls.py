"""`_ssl` over the machine's sockets: OpenSSL works on memory, this room carries the records.

CPython's `_ssl` takes a socket's descriptor for the host's.  Here a context makes a connection over two memory buffers
(`_wrap_bio`), and `Connection` moves what they hold with the blocking, timeout and non-blocking behaviour of the
original.  It reads whole records and not a byte more, so that a socket may go on in plain text after unwrap() and
select() tells the truth.
"""

import weakref

from userland import libc
from userland.python.extension import extension_module, public
from userland.python.interpreter import NEVER, deadline_after, interrupted, wait_ready

HEADER = 5
# Content types of a TLS record, and the major version (RFC 8446 section 5.1).
RECORD_TYPES = range(20, 25)
MAJOR = 3
LARGEST_PLAIN = 16384
LARGEST_READ = 65536


class Connection:
    """What `SSLSocket._sslobj` is: the methods of `_ssl._SSLSocket`, over a socket of the machine."""

    def __init__(self, ssl, tls, incoming, outgoing, sock):
        self._ssl = ssl
        self._tls = tls
        self._incoming = incoming
        self._outgoing = outgoing
        self._socket = weakref.ref(sock)
        # Of the record that is coming: its header so far, and how much of its body is missing.
        self._header = b""
        self._missing = 0
        # What could not be sent yet, and how much plain text the interrupted write has taken already.
        self._unsent = b""
        self._taken = 0

    def __getattr__(self, name):
        # cipher, version, getpeercert ...: what needs no records.
        return getattr(self._tls, name)

    @property
    def context(self):
        return self._tls.context

    @context.setter
    def context(self, context):
        self._tls.context = context

    @property
    def session(self):
        return self._tls.session

    @session.setter
    def session(self, session):
        self._tls.session = session

    @property
    def owner(self):
        return self._tls.owner

    @owner.setter
    def owner(self, owner):
        self._tls.owner = owner

    # --- records ---

    def _sock(self):
        sock = self._socket()
        if sock is None:
            raise self._ssl.SSLError("Underlying socket connection gone")
        if sock._fd < 0:
            raise self._ssl.SSLError("Underlying socket has been closed.")
        return sock

    def _wait(self, sock, events, deadline, what):
        """A call on the socket has failed: returns when it is to be made again."""
        if libc.get_errno() != libc.EAGAIN:
            interrupted(sock._state)
        elif sock._limit == 0:
            if events == libc.POLLIN:
                raise self._ssl.SSLWantReadError(self._ssl.SSL_ERROR_WANT_READ, "The operation did not complete (read)")
            raise self._ssl.SSLWantWriteError(self._ssl.SSL_ERROR_WANT_WRITE, "The operation did not complete (write)")
        elif not wait_ready(sock._state, sock._fd, events, deadline):
            raise TimeoutError(f"The {what} operation timed out")

    def _flush(self, sock, deadline, what):
        """Send what OpenSSL has written."""
        if self._outgoing.pending:
            self._unsent += self._outgoing.read()
        while self._unsent:
            count = libc.send(sock._fd, self._unsent, -1, libc.MSG_NOSIGNAL)
            if count < 0:
                self._wait(sock, libc.POLLOUT, deadline, what)
            else:
                self._unsent = self._unsent[count:]

    def _fill(self, sock, deadline, what):
        """Receive the rest of one record, or the end of the stream."""
        while True:
            wanted = min(self._missing, LARGEST_READ) or HEADER - len(self._header)
            data = libc.recv_bytes(sock._fd, wanted)
            if data == -1:
                self._wait(sock, libc.POLLIN, deadline, what)
                continue
            if not data:
                self._incoming.write_eof()
                return
            self._incoming.write(data)
            if self._missing:
                self._missing -= len(data)
            else:
                self._header += data
                if len(self._header) < HEADER:
                    continue
                if self._header[0] in RECORD_TYPES and self._header[1] == MAJOR:
                    self._missing = int.from_bytes(self._header[3:], "big")
                self._header = b""
            if not self._missing:
                return

    def _carry(self, operation, what):
        """Call `operation`, and again as often as it needs records to come or go."""
        sock = self._sock()
        deadline = deadline_after(sock._limit) if sock._limit > 0 else NEVER
        while True:
            try:
                result = operation()
            except self._ssl.SSLWantReadError:
                self._flush(sock, deadline, what)
                self._fill(sock, deadline, what)
            except self._ssl.SSLWantWriteError:
                self._flush(sock, deadline, what)
            except self._ssl.SSLError:
                self._tell(sock, deadline, what)
                raise
            else:
                self._flush(sock, deadline, what)
                return result

    def _tell(self, sock, deadline, what):
        """OpenSSL has failed: send the alert that tells the peer why, if it can be sent."""
        try:
            self._flush(sock, deadline, what)
        except OSError:
            pass

    # --- the methods ---

    def do_handshake(self):
        self._carry(self._tls.do_handshake, "handshake")

    def read(self, length=1024, *buffer):
        sock = self._sock()
        deadline = deadline_after(sock._limit) if sock._limit > 0 else NEVER
        while True:
            try:
                result = self._tls.read(length, *buffer)
            except self._ssl.SSLWantReadError:
                self._flush(sock, deadline, "read")
                self._fill(sock, deadline, "read")
                continue
            except self._ssl.SSLError:
                self._tell(sock, deadline, "read")
                raise
            if self._outgoing.pending:
                self._flush(sock, deadline, "read")
            return result

    def write(self, data):
        sock = self._sock()
        deadline = deadline_after(sock._limit) if sock._limit > 0 else NEVER
        with memoryview(data).cast("B") as view:
            return self._write(sock, view, deadline)

    def _write(self, sock, view, deadline):
        done = 0
        try:
            if self._taken:
                self._flush(sock, deadline, "write")
                done, self._taken = self._taken, 0
            while done < view.nbytes or not view.nbytes:
                self._taken = self._encrypt(sock, view[done : done + LARGEST_PLAIN], deadline)
                self._flush(sock, deadline, "write")
                done, self._taken = done + self._taken, 0
                if not view.nbytes:
                    break
        except self._ssl.SSLWantWriteError:
            if not done:
                raise
        return done

    def _encrypt(self, sock, piece, deadline):
        while True:
            try:
                return self._tls.write(piece)
            except self._ssl.SSLWantReadError:
                self._flush(sock, deadline, "write")
                self._fill(sock, deadline, "write")

    def shutdown(self):
        sock = self._sock()
        self._carry(self._tls.shutdown, "read")
        return sock

    def verify_client_post_handshake(self):
        return self._tls.verify_client_post_handshake()


def ssl_module(host):
    """A new `_ssl` module: `host`'s, whose contexts wrap the machine's sockets."""
    class Immutable(type(host._SSLContext)):
        """What keeps the class, but not classes made of it, as it is."""

        def __setattr__(cls, name, value):
            if cls.__module__ == "_ssl":
                raise TypeError(f"cannot set {name!r} attribute of immutable type '_ssl.{cls.__name__}'")
            super().__setattr__(name, value)

    class _SSLContext(host._SSLContext, metaclass=Immutable):
        __module__ = "_ssl"
        __doc__ = host._SSLContext.__doc__

        def _wrap_socket(self, sock, server_side, server_hostname=None, *, owner=None, session=None):
            incoming, outgoing = host.MemoryBIO(), host.MemoryBIO()
            tls = self._wrap_bio(incoming, outgoing, server_side, server_hostname, owner=owner, session=session)
            return Connection(host, tls, incoming, outgoing, sock)

    return extension_module("_ssl", host.__doc__, {**public(host), "_SSLContext": _SSLContext})
