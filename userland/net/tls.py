"""TLS over a socket of the machine: OpenSSL keeps its records in memory, and we carry them.

The machine has no certificates of its own in /etc/ssl/certs/ca-certificates.crt unless somebody put them there; without
that file those of the host count.
"""

import ssl

from userland import libc

CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
BLOCK = 65536


class TlsError(Exception):
    """The handshake or the connection has failed; the text is one line."""


def client_context(insecure, certificates=None):
    """An SSLContext for a client; `certificates` the path of a PEM file in the guest."""
    context = ssl.create_default_context()
    text = libc.read_text(certificates or CERTIFICATES)
    if text != -1:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        try:
            context.load_verify_locations(cadata=text)
        except ssl.SSLError as error:
            raise TlsError(f"{certificates or CERTIFICATES}: {error.reason or error}") from None
    elif certificates is not None:
        raise TlsError(f"{certificates}: {libc.strerror(libc.errno)}")
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


class TlsStream:
    """A connected socket under TLS; `send` and `recv` as those of a plain one."""

    def __init__(self, fd, host, context):
        self.fd = fd
        self.incoming = ssl.MemoryBIO()
        self.outgoing = ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname=host)
        self.step(self.tls.do_handshake)

    def flush(self):
        data = self.outgoing.read()
        if data and libc.send_all(self.fd, data, libc.MSG_NOSIGNAL) < 0:
            raise TlsError(f"write: {libc.strerror(libc.errno)}")

    def step(self, function, *arguments):
        """Do something that may need records from the other side first."""
        while True:
            try:
                result = function(*arguments)
            except ssl.SSLWantReadError:
                self.flush()
                data = libc.recv_bytes(self.fd, BLOCK)
                if data == -1:
                    raise TlsError(f"read: {libc.strerror(libc.errno)}") from None
                if data:
                    self.incoming.write(data)
                else:
                    self.incoming.write_eof()
                continue
            except ssl.SSLCertVerificationError as error:
                self.say_why()
                raise TlsError(f"SSL certificate problem: {error.verify_message}") from None
            except ssl.SSLError as error:
                self.say_why()
                raise TlsError(f"SSL error: {error.reason or type(error).__name__}") from None
            self.flush()
            return result

    def say_why(self):
        """The alert that OpenSSL has written for the other side, as far as it goes."""
        data = self.outgoing.read()
        if data:
            libc.send(self.fd, data, -1, libc.MSG_NOSIGNAL | libc.MSG_DONTWAIT)

    def send_all(self, data):
        """0, or TlsError."""
        view = memoryview(data)
        while len(view):
            view = view[self.step(self.tls.write, view[:BLOCK]) :]
        return 0

    def recv(self, size):
        """Bytes, b'' at the end."""
        try:
            return self.step(self.tls.read, size)
        except TlsError as error:
            # Many servers close without saying so; the length of the body tells whether something is missing.
            if "EOF" in str(error):
                return b""
            raise
