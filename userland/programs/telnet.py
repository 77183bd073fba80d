"""telnet: a terminal on another host; Ctrl-] ends the session."""

from userland import libc
from userland.proto.telnet import Decoder, typed

USAGE = "telnet HOST [PORT]"
BLOCK = 16384
ESCAPE = 0x1D


class Session:
    """The connection, the terminal in the mode that the server asks for, and the bytes between them."""

    def __init__(self, fd):
        self.fd = fd
        self.saved = libc.tcgetattr(0)
        self.decoder = Decoder(libc.getenv("TERM") or "unknown", libc.window_size(0))
        self.raw = False

    def run(self):
        """Until one of both ends closes; the exit status."""
        keyboard = libc.pollfd(0, libc.POLLIN)
        network = libc.pollfd(self.fd, libc.POLLIN)
        block = bytearray(BLOCK)
        while True:
            if libc.poll([network, keyboard]) < 0:
                if libc.errno == libc.EINTR:
                    continue
                return 1
            if network.revents:
                count = libc.recv(self.fd, block)
                if count <= 0:
                    self.restore()
                    libc.eputs("Connection closed by foreign host.")
                    return 1
                if not self.show(memoryview(block)[:count]):
                    return 1
            if keyboard.revents:
                data = libc.read_bytes(0, BLOCK)
                if data == -1 or not data:
                    # The end of the input: what the server still has to say is shown.
                    libc.shutdown(self.fd, libc.SHUT_WR)
                    keyboard.fd = -1
                elif self.raw and ESCAPE in data:
                    return 0
                elif libc.send_all(self.fd, typed(data), libc.MSG_NOSIGNAL) < 0:
                    return 1

    def show(self, data):
        text = self.decoder.feed(data)
        if self.decoder.reply:
            if libc.send_all(self.fd, self.decoder.reply, libc.MSG_NOSIGNAL) < 0:
                return False
            self.decoder.reply.clear()
        if self.decoder.echoes() != self.raw:
            self.raw = self.decoder.echoes()
            self.terminal_mode()
        return libc.write_all(1, text) == 0

    def terminal_mode(self):
        """Character by character where the server echoes, else line by line."""
        if self.saved is None:
            return
        settings = libc.tcgetattr(0)
        settings.c_lflag = self.saved.c_lflag
        settings.c_iflag = self.saved.c_iflag
        settings.c_oflag = self.saved.c_oflag
        if self.raw:
            settings.c_lflag &= ~(libc.ICANON | libc.ECHO | libc.ISIG | libc.IEXTEN)
            settings.c_iflag &= ~(libc.ICRNL | libc.IXON)
            # The server's lines end as they are to be shown.
            settings.c_oflag &= ~libc.ONLCR
            settings.c_cc[libc.VMIN] = 1
            settings.c_cc[libc.VTIME] = 0
        libc.tcsetattr(0, libc.TCSADRAIN, settings)

    def restore(self):
        if self.saved is not None and self.raw:
            libc.tcsetattr(0, libc.TCSADRAIN, self.saved)
            self.raw = False


def main(argv):
    try:
        options = libc.getopt(argv, "", USAGE)
        if not 1 <= len(options.operands) <= 2:
            raise libc.UsageError(f"usage: {USAGE}")
    except libc.UsageError as error:
        libc.eputs(f"telnet: {error}")
        return 2
    host, port = (*options.operands, "telnet")[:2]
    code, found = libc.getaddrinfo(host, port, libc.AF_INET, libc.SOCK_STREAM)
    if code:
        libc.eputs(f"telnet: could not resolve {host}: {libc.gai_strerror(code)}")
        return 1
    for info in found:
        libc.puts(f"Trying {libc.sockaddr_in_pair(info.ai_addr)[0]}...")
        fd = libc.socket(libc.AF_INET, libc.SOCK_STREAM)
        if fd >= 0 and libc.connect(fd, info.ai_addr) == 0:
            break
        libc.eputs(f"telnet: Unable to connect to remote host: {libc.strerror(libc.errno)}")
        if fd >= 0:
            libc.close(fd)
    else:
        return 1
    libc.puts(f"Connected to {host}.\nEscape character is '^]'.")
    session = Session(fd)
    status = session.run()
    session.restore()
    libc.close(fd)
    return status
