"""What pseudo-terminals do, told line by line: the host's kernel and the machine's have to tell the same.

    python3 terminal_scenarios.py

It uses Python's own modules alone and one process; what needs job control is in `test_pty.py`.
"""

import errno
import fcntl
import os
import select
import struct
import termios
import threading
import time

IUTF8 = 0o40000
IFLAG, OFLAG, CFLAG, LFLAG, ISPEED, OSPEED, CC = range(7)
SCENARIOS = []


def scenario(function):
    SCENARIOS.append(function)
    return function


def write(fd, data):
    """os.write; what it sets going is done when this returns."""
    count = os.write(fd, data)
    settle()
    return count


def attempt(function, *arguments):
    try:
        return function(*arguments)
    except OSError as error:
        return errno.errorcode[error.errno]
    except termios.error as error:
        return errno.errorcode[error.args[0]]


def settle():
    """What one side has written arrives at the other a little later on Linux."""
    time.sleep(0.003)


def events(fd):
    settle()
    poller = select.poll()
    poller.register(fd, select.POLLIN | select.POLLOUT | select.POLLPRI)
    found = dict(poller.poll(0)).get(fd, 0)
    names = ("POLLIN", "POLLPRI", "POLLOUT", "POLLERR", "POLLHUP")
    return "|".join(name[4:] for name in names if found & getattr(select, name)) or "-"


def number(fd, request):
    # Asking makes what has been written arrive.
    events(fd)
    buffer = bytearray(4)
    result = attempt(fcntl.ioctl, fd, request, buffer)
    return struct.unpack("i", buffer)[0] if result == 0 else result


def drain(fd):
    """Everything that can be read now, piece by piece."""
    found = []
    while "IN" in events(fd):
        piece = attempt(os.read, fd, 65536)
        found.append(piece)
        if not isinstance(piece, bytes) or not piece:
            break
    return found


class Pair:
    """A pseudo-terminal, whose slave is in canonical mode or, on request, raw; neither side blocks."""

    def __init__(self, raw=False, **flags):
        self.master, self.slave = os.openpty()
        os.set_blocking(self.master, False)
        os.set_blocking(self.slave, False)
        if raw:
            self.set(iflag=0, oflag=0, lflag=0)
        self.set(**flags)

    def set(self, when=termios.TCSANOW, iflag=None, oflag=None, lflag=None, on=0, off=0, **cc):
        mode = termios.tcgetattr(self.slave)
        for index, value in ((IFLAG, iflag), (OFLAG, oflag), (LFLAG, lflag)):
            if value is not None:
                mode[index] = value
        mode[LFLAG] = mode[LFLAG] & ~off | on
        for name, value in cc.items():
            mode[CC][getattr(termios, name)] = bytes((value,))
        if not mode[LFLAG] & termios.ICANON:
            for index in (termios.VMIN, termios.VTIME):
                if isinstance(mode[CC][index], int):
                    mode[CC][index] = bytes((mode[CC][index],))
        termios.tcsetattr(self.slave, when, mode)
        settle()

    def type(self, data):
        """Type, and say what the terminal echoes and the program then reads."""
        write(self.master, data)
        return b"".join(drain(self.master)), drain(self.slave)

    def close(self):
        for fd in (self.master, self.slave):
            attempt(os.close, fd)


@scenario
def settings():
    pair = Pair()
    for fd in (pair.master, pair.slave):
        mode = termios.tcgetattr(fd)
        print([oct(word) for word in mode[:4]], mode[4:6], mode[CC])
    print(struct.unpack("4H", fcntl.ioctl(pair.slave, termios.TIOCGWINSZ, bytes(8))))
    print(fcntl.ioctl(pair.master, termios.TIOCSWINSZ, struct.pack("4H", 50, 132, 1, 2)))
    print(struct.unpack("4H", fcntl.ioctl(pair.slave, termios.TIOCGWINSZ, bytes(8))))
    print(os.isatty(pair.master), os.isatty(pair.slave))
    pair.close()


@scenario
def raw_buffers_have_ends():
    pair = Pair(raw=True)
    total = 0
    while isinstance(count := attempt(os.write, pair.master, b"x" * 1000), int):
        total += count
    print("master to slave", count, 8000 < total < 32000, number(pair.slave, termios.FIONREAD))
    print(len(os.read(pair.slave, 100000)), number(pair.slave, termios.FIONREAD))
    print(sum(len(piece) for piece in drain(pair.slave)) + 4095 == total, events(pair.master))
    pair.close()
    pair = Pair(raw=True)
    total = 0
    while isinstance(count := attempt(write, pair.slave, b"x" * 1000), int):
        total += count
    print("slave to master", count, 8000 < total < 32000, events(pair.slave), number(pair.master, termios.FIONREAD))
    print(number(pair.slave, termios.TIOCOUTQ), sum(len(piece) for piece in drain(pair.master)) == total, events(pair.slave))
    pair.close()


@scenario
def canonical_buffer():
    pair = Pair(off=termios.ECHO)
    print(attempt(write, pair.master, b"a" * 3000), attempt(write, pair.master, b"b" * 3000), events(pair.slave))
    print(attempt(write, pair.master, b"\n"), events(pair.slave), number(pair.slave, termios.FIONREAD))
    line = os.read(pair.slave, 10000)
    print(len(line), line[-4:], drain(pair.master))
    for length in (4094, 4095, 4096, 4097):
        print(length, [(len(piece), piece[-3:]) for piece in pair.type(b"c" * (length - 3) + b"def\n")[1]])
    print([(len(piece), piece[-3:]) for piece in pair.type(b"x\n" + b"c" * 4092 + b"def\n")[1]])
    pair.close()


@scenario
def lines():
    pair = Pair()
    print(pair.type(b"hello\n"), pair.type(b"a\rb\n"), pair.type(b"part"), pair.type(b"\n"))
    print(pair.type(b"part\x04"), pair.type(b"\x04"), pair.type(b"one\ntwo\nthr"), pair.type(b"\x04"))
    write(pair.master, b"abcdef\x04\x04x\n")
    print(os.read(pair.slave, 3), os.read(pair.slave, 3), os.read(pair.slave, 3), os.read(pair.slave, 3))
    print(attempt(os.read, pair.slave, 1))
    write(pair.master, b"abc\x04def\n")
    print(number(pair.slave, termios.FIONREAD), os.read(pair.slave, 2), os.read(pair.slave, 10), os.read(pair.slave, 10))
    print(drain(pair.master))
    pair.set(VEOL=ord(";"), VEOL2=ord("!"))
    print(pair.type(b"ab;cd!ef\n"))
    pair.close()


@scenario
def editing():
    pair = Pair()
    for keys in (
        b"hellp\x7fo\n",
        b"junk\x15kept\n",
        b"one two\x17three\n",
        b"one  two  \x17\x17x\n",
        b"a.b_c\x17x\n",
        b"foo/bar\x17\n",
        b"\x7f\x15\x17\n",
        b"a\x01b\x7f\x7f\x7fc\n",
        b"\tx\x7f\x7f\x7fy\n",
        b"ab\tc\x7f\x7fd\n",
        b"ab\t\tx\x7f\x7f\x7fd\n",
        b"\x01\t\x7fq\n",
        b"caf\xc3\xa9\x7f\x7fx\n",
        b"\x16\x03a\x16\x7f\n",
        b"ab\x16\nc\n",
        b"reprint\x12ed\x01\x12\n",
        b"\x80\xff\x7f\n",
        b"\x1b[A\x7f\n",
        b"\x00a\n",
        b"nl\x0d\x0a\n",
        b"\x08\n",
        b"\x0b\x0c\n",
    ):
        print(keys, pair.type(keys))
    pair.set(iflag=termios.ICRNL | termios.IXON | IUTF8)
    for keys in (b"caf\xc3\xa9\x7fx\n", b"\xc3\xa9\xe2\x82\xac\x7f\x7f\x7fx\n", b"x \xc3\xa9\xe2\x82\xac\x17y\n"):
        print("utf8", keys, pair.type(keys))
    pair.close()


@scenario
def echo_flags():
    e, k, c, p, ke, nl = (getattr(termios, "ECHO" + name) for name in ("E", "K", "CTL", "PRT", "KE", "NL"))
    base = termios.ICANON | termios.IEXTEN | termios.ISIG
    for name, lflag in (
        ("echo alone", base | termios.ECHO),
        ("echoe", base | termios.ECHO | e),
        ("echok", base | termios.ECHO | k),
        ("echok echoe", base | termios.ECHO | k | e),
        ("echoctl", base | termios.ECHO | c | e),
        ("echonl", base | nl),
        ("echoprt", base | termios.ECHO | p | e | c),
        ("all", base | termios.ECHO | e | k | c | p | ke),
        ("no iexten", base & ~termios.IEXTEN | termios.ECHO | e | k | c | ke),
        ("none", base),
    ):
        pair = Pair(lflag=lflag)
        print(name)
        for keys in (b"ab\x7f\x7f\x7fc\n", b"ab\x01\x15d\n", b"ab cd\x17e\n", b"\x16a\x12\n", b"abc\x7f\x7fd\x7fe\n"):
            print("  ", pair.type(keys))
        pair.close()


@scenario
def input_flags():
    for name, iflag, keys in (
        ("igncr", termios.IGNCR, b"a\rb\n"),
        ("inlcr", termios.INLCR, b"a\nb\r"),
        ("igncr icrnl", termios.IGNCR | termios.ICRNL, b"a\rb\n"),
        ("istrip", termios.ISTRIP, b"\xe1\xe2\n"),
        ("iuclc", 0o1000, b"ABC\n"),
        ("none", 0, b"a\rb\n"),
        ("parmrk", termios.PARMRK, b"a\xffb\n"),
        ("ixon", termios.IXON, b"a\x11b\x13c\x11\n"),
        ("inlcr icrnl", termios.INLCR | termios.ICRNL, b"a\nb\rc\n\r"),
    ):
        for lflag in (
            termios.ICANON | termios.ECHO | termios.ECHOCTL | termios.IEXTEN,
            0,
            termios.ECHO,
            termios.ECHO | termios.ECHOCTL,
        ):
            pair = Pair(iflag=iflag, lflag=lflag)
            print(name, oct(lflag), pair.type(keys))
            pair.close()


@scenario
def output_flags():
    text = b"one\ntwo\r\n\tx\n\rab\tc\b\td\x01\t\xc3\xa9\te\n\r\rQ"
    for name in (
        "",
        "OPOST",
        "OPOST ONLCR",
        "OPOST OCRNL",
        "OPOST ONOCR",
        "OPOST ONLRET",
        "OPOST TAB3",
        "OPOST TAB3 ONLCR",
        "OPOST OLCUC TAB3 ONLRET",
        "OPOST OCRNL ONLCR",
        "OPOST ONOCR ONLCR TAB3",
    ):
        pair = Pair(oflag=sum(getattr(termios, flag, 0o2) for flag in name.split()))
        write(pair.slave, text)
        write(pair.slave, b"\tz\n")
        print(name, b"".join(drain(pair.master)))
        pair.close()


@scenario
def stopped_output():
    pair = Pair()
    write(pair.master, b"\x13")
    print(attempt(write, pair.slave, b"held"), events(pair.slave), events(pair.master))
    write(pair.master, b"echo")
    print(drain(pair.master))
    write(pair.master, b"\x11")
    print(drain(pair.master), attempt(write, pair.slave, b"on"), drain(pair.master))
    termios.tcflow(pair.slave, termios.TCOOFF)
    print(attempt(write, pair.slave, b"held"), events(pair.slave))
    termios.tcflow(pair.slave, termios.TCOON)
    print(attempt(write, pair.slave, b"on"), drain(pair.master))
    termios.tcflow(pair.slave, termios.TCIOFF)
    termios.tcflow(pair.slave, termios.TCION)
    print(drain(pair.master))
    pair.set(iflag=termios.IXON | termios.IXANY)
    write(pair.master, b"\x13")
    print(attempt(write, pair.slave, b"held"))
    write(pair.master, b"k")
    print(drain(pair.master), attempt(write, pair.slave, b"on"), drain(pair.master))
    termios.tcflow(pair.slave, termios.TCOOFF)
    write(pair.master, b"\x11")
    print(attempt(write, pair.slave, b"held"))
    print(attempt(termios.tcflow, pair.slave, 7))
    pair.close()


@scenario
def modes_change():
    pair = Pair()
    write(pair.master, b"ab")
    print(events(pair.slave), number(pair.slave, termios.FIONREAD))
    pair.set(off=termios.ICANON)
    print(events(pair.slave), number(pair.slave, termios.FIONREAD), attempt(os.read, pair.slave, 10))
    write(pair.master, b"cd\x04e\n")
    pair.set(on=termios.ICANON, VEOF=4)
    print(
        events(pair.slave),
        number(pair.slave, termios.FIONREAD),
        attempt(os.read, pair.slave, 10),
        attempt(os.read, pair.slave, 10),
    )
    write(pair.master, b"xy\nz")
    pair.set(off=termios.ICANON)
    print(number(pair.slave, termios.FIONREAD), attempt(os.read, pair.slave, 10))
    write(pair.master, b"gone")
    pair.set(termios.TCSAFLUSH, on=termios.ICANON)
    print(events(pair.slave), pair.type(b"new\n"))
    pair.set(off=termios.ICANON)
    write(pair.master, b"12")
    pair.set(on=termios.ICANON, VEOF=4)
    write(pair.master, b"34\n")
    print(drain(pair.slave))
    pair.close()


@scenario
def minimum_and_time():
    pair = Pair(raw=True)
    pair.set(VMIN=3, VTIME=0)
    write(pair.master, b"ab")
    print(events(pair.slave), attempt(os.read, pair.slave, 10))
    write(pair.master, b"abc")
    print(events(pair.slave), attempt(os.read, pair.slave, 2), events(pair.slave), attempt(os.read, pair.slave, 2))
    pair.set(VMIN=0, VTIME=0)
    print(attempt(os.read, pair.slave, 10), events(pair.slave))
    os.set_blocking(pair.slave, True)
    print(attempt(os.read, pair.slave, 10))
    pair.set(VMIN=0, VTIME=2)
    print(attempt(os.read, pair.slave, 10))
    pair.set(VMIN=5, VTIME=1)
    write(pair.master, b"xy")
    print(attempt(os.read, pair.slave, 10))
    pair.set(VMIN=5, VTIME=0)
    write(pair.master, b"12345678")
    print(attempt(os.read, pair.slave, 3), attempt(os.read, pair.slave, 10))
    pair.close()


@scenario
def flushing():
    pair = Pair()
    write(pair.master, b"line\npart")
    drain(pair.master)
    termios.tcflush(pair.slave, termios.TCIFLUSH)
    print(events(pair.slave), pair.type(b"x\n"))
    write(pair.slave, b"output")
    termios.tcflush(pair.slave, termios.TCOFLUSH)
    print(drain(pair.master))
    write(pair.slave, b"output")
    termios.tcflush(pair.master, termios.TCIFLUSH)
    print(drain(pair.master))
    write(pair.master, b"line\n")
    termios.tcflush(pair.master, termios.TCOFLUSH)
    print(events(pair.slave), drain(pair.slave), drain(pair.master))
    print(
        attempt(termios.tcflush, pair.slave, 9),
        attempt(termios.tcdrain, pair.slave),
        attempt(termios.tcsendbreak, pair.slave, 0),
    )
    pair.close()


@scenario
def packet_mode():
    pair = Pair()
    flag = struct.pack("i", 1)
    print(
        attempt(fcntl.ioctl, pair.slave, termios.TIOCPKT, flag),
        attempt(fcntl.ioctl, pair.master, termios.TIOCPKT, flag) == flag,
    )
    write(pair.slave, b"data\n")
    print(events(pair.master), os.read(pair.master, 100))
    pair.set(iflag=termios.ICRNL)
    print(events(pair.master), drain(pair.master))
    pair.set(iflag=termios.ICRNL | termios.IXON)
    print(events(pair.master), drain(pair.master))
    termios.tcflush(pair.slave, termios.TCIFLUSH)
    print(events(pair.master), drain(pair.master))
    termios.tcflush(pair.slave, termios.TCOFLUSH)
    print(events(pair.master), drain(pair.master))
    termios.tcflush(pair.slave, termios.TCIOFLUSH)
    write(pair.slave, b"x")
    print(drain(pair.master))
    termios.tcflow(pair.slave, termios.TCOOFF)
    print(drain(pair.master))
    termios.tcflow(pair.slave, termios.TCOON)
    print(drain(pair.master))
    write(pair.slave, b"abcdef")
    print(os.read(pair.master, 3), os.read(pair.master, 10), attempt(os.read, pair.master, 10))
    fcntl.ioctl(pair.master, termios.TIOCPKT, struct.pack("i", 0))
    write(pair.slave, b"plain")
    print(drain(pair.master))
    pair.close()


@scenario
def the_slave_goes():
    pair = Pair()
    name = os.ttyname(pair.slave)
    write(pair.slave, b"last words\n")
    os.close(pair.slave)
    print(events(pair.master), attempt(os.read, pair.master, 100), attempt(os.read, pair.master, 100), events(pair.master))
    print(attempt(write, pair.master, b"x\n"), events(pair.master), termios.tcgetattr(pair.master)[3] == 0o105073)
    slave = os.open(name, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    print(events(pair.master), events(slave), drain(slave), drain(pair.master))
    write(slave, b"again")
    print(attempt(os.read, pair.master, 100), attempt(os.read, pair.master, 100))
    os.close(slave)
    os.close(pair.master)
    print(attempt(os.open, name, os.O_RDWR))


@scenario
def the_master_goes():
    pair = Pair()
    write(pair.master, b"unread\n")
    os.close(pair.master)
    print(events(pair.slave), attempt(os.read, pair.slave, 100), attempt(write, pair.slave, b"x"), events(pair.slave))
    print(attempt(termios.tcgetattr, pair.slave), number(pair.slave, termios.FIONREAD), attempt(os.tcgetpgrp, pair.slave))
    print(attempt(fcntl.ioctl, pair.slave, termios.TIOCSPGRP, bytes(4)), os.isatty(pair.slave), attempt(os.ttyname, pair.slave))
    os.close(pair.slave)


@scenario
def who_waits_when_an_end_goes():
    for name, fd_of in (("slave", lambda pair: (pair.slave, pair.master)), ("master", lambda pair: (pair.master, pair.slave))):
        # A master that writes and has lost its slave waits for another to be opened.
        for action in ("read", "write") if name == "slave" else ("read",):
            pair = Pair(raw=True)
            waiting, other = fd_of(pair)
            if action == "write":
                while isinstance(attempt(os.write, waiting, b"x" * 1000), int):
                    settle()
            os.set_blocking(waiting, True)
            found = []
            call = (os.read, waiting, 10) if action == "read" else (os.write, waiting, b"y" * 100)
            thread = threading.Thread(target=lambda call=call, found=found: found.append(attempt(*call)))
            thread.start()
            settle()
            os.close(other)
            thread.join()
            print(name, action, found)
            os.close(waiting)


@scenario
def locks_and_numbers():
    master = os.open("/dev/ptmx", os.O_RDWR | os.O_NOCTTY)
    os.set_blocking(master, False)
    tiocgptn, tiocsptlck, tiocgptlck, tiocgptpeer, tiocgpkt, tiocgexcl = (
        0x80045430,
        0x40045431,
        0x80045439,
        0x5441,
        0x80045438,
        0x80045440,
    )
    path = f"/dev/pts/{number(master, tiocgptn)}"
    print(
        attempt(os.open, path, os.O_RDWR | os.O_NOCTTY),
        number(master, tiocgptlck),
        number(master, tiocgpkt),
        events(master),
        attempt(os.read, master, 1),
    )
    print(attempt(write, master, b"early\n"), number(master, termios.FIONREAD), drain(master))
    print(attempt(fcntl.ioctl, master, tiocgptpeer, os.O_RDWR | os.O_NOCTTY))
    fcntl.ioctl(master, tiocsptlck, bytes(4))
    slave = os.open(path, os.O_RDWR | os.O_NOCTTY)
    peer = fcntl.ioctl(master, tiocgptpeer, os.O_RDWR | os.O_NOCTTY)
    print(
        os.ttyname(slave) == path == os.ttyname(peer),
        os.readlink(f"/proc/self/fd/{peer}") == path,
        os.readlink(f"/proc/self/fd/{master}"),
    )
    os.set_blocking(slave, False)
    print(drain(slave), drain(master))
    status = os.stat(path)
    print(
        os.major(status.st_rdev),
        f"/dev/pts/{os.minor(status.st_rdev)}" == path,
        os.major(os.stat("/dev/ptmx").st_rdev),
        os.minor(os.stat("/dev/ptmx").st_rdev),
    )
    print(
        status.st_ino - os.minor(status.st_rdev),
        os.fstat(peer).st_rdev == status.st_rdev,
        oct(status.st_mode & 0o170000),
        os.path.basename(path) in os.listdir("/dev/pts"),
    )
    for request in (tiocgptn, tiocsptlck, termios.TIOCPKT, tiocgptpeer, 0x40045436):
        print(hex(request), attempt(fcntl.ioctl, slave, request, bytearray(4)))
    for name in ("TIOCGETD", "TIOCOUTQ", "TIOCGSOFTCAR", "TIOCMGET", "TIOCGSERIAL"):
        print(name, [number(fd, getattr(termios, name)) for fd in (master, slave)])
    print(
        [
            attempt(fcntl.ioctl, fd, request, 0)
            for fd in (master, slave)
            for request in (termios.TCSBRK, termios.TCSBRKP, 0x5427, 0x5428, 0x9999)
        ]
    )
    print(
        [
            attempt(fcntl.ioctl, fd, request, bytearray(4))
            for fd in (master, slave)
            for request in (termios.TIOCGPGRP, termios.TIOCSPGRP, 0x5429, termios.TIOCNOTTY)
        ]
    )
    print(
        attempt(os.lseek, slave, 0, 0),
        attempt(os.pread, slave, 1, 0),
        attempt(os.ftruncate, slave, 0),
        attempt(os.fsync, slave),
    )
    print(fcntl.ioctl(slave, termios.TIOCSTI, b"s"), fcntl.ioctl(slave, termios.TIOCSTI, b"\n"), drain(slave), drain(master))
    print(
        fcntl.ioctl(slave, termios.TIOCEXCL),
        number(slave, tiocgexcl),
        fcntl.ioctl(slave, termios.TIOCNXCL),
        number(slave, tiocgexcl),
    )
    for fd in (slave, peer, master):
        os.close(fd)


@scenario
def old_and_new_settings():
    pair = Pair()
    old = bytearray(18)
    print(fcntl.ioctl(pair.slave, termios.TCGETA, old), bytes(old))
    old[6] &= ~0o10
    print(fcntl.ioctl(pair.slave, termios.TCSETA, old), oct(termios.tcgetattr(pair.slave)[LFLAG]))
    new = bytearray(44)
    print(fcntl.ioctl(pair.slave, 0x802C542A, new), bytes(new))
    new[36:40] = new[40:44] = (12345).to_bytes(4, "little")
    new[8:12] = (0o10000 | int.from_bytes(new[8:12], "little") & ~0o10017).to_bytes(4, "little")
    print(fcntl.ioctl(pair.slave, 0x402C542B, new), fcntl.ioctl(pair.slave, 0x802C542A, new), bytes(new[8:12]), bytes(new[36:]))
    mode = termios.tcgetattr(pair.slave)
    mode[ISPEED] = mode[OSPEED] = termios.B9600
    mode[CFLAG] = mode[CFLAG] & ~termios.CSIZE | termios.CS7 | termios.PARENB
    termios.tcsetattr(pair.slave, termios.TCSANOW, mode)
    print(oct(termios.tcgetattr(pair.slave)[CFLAG]), fcntl.ioctl(pair.slave, 0x802C542A, new), bytes(new[36:]))
    pair.close()


@scenario
def the_masters_own_settings_are_the_slaves():
    pair = Pair()
    mode = termios.tcgetattr(pair.master)
    mode[LFLAG] &= ~termios.ECHO
    termios.tcsetattr(pair.master, termios.TCSANOW, mode)
    print(oct(termios.tcgetattr(pair.slave)[LFLAG]), pair.type(b"quiet\n"))
    write(pair.slave, b"\x13\x03\x04\n")
    print(drain(pair.master))
    pair.close()


@scenario
def echo_before_the_reader():
    pair = Pair()
    write(pair.master, b"abc")
    write(pair.slave, b"out\n")
    write(pair.master, b"d\x7f\n")
    print(b"".join(drain(pair.master)), drain(pair.slave))
    write(pair.slave, b"prompt> ")
    write(pair.master, b"\tx\x7f\x7f\n")
    print(b"".join(drain(pair.master)))
    pair.close()


@scenario
def readiness_by_epoll():
    pair = Pair()
    poller = select.epoll()
    poller.register(pair.master, select.EPOLLIN | select.EPOLLET)
    poller.register(pair.slave, select.EPOLLIN | select.EPOLLET)
    names = {pair.master: "master", pair.slave: "slave"}

    def told():
        settle()
        return sorted((names[fd], mask) for fd, mask in poller.poll(0))

    print(told())
    write(pair.master, b"ab")
    print(told(), told())
    write(pair.master, b"\n")
    print(told(), told(), os.read(pair.slave, 1), told())
    write(pair.slave, b"x")
    print(told())
    os.close(pair.slave)
    print(told())
    poller.close()
    pair.close()


def main():
    for function in SCENARIOS:
        print(f"-- {function.__name__}")
        function()


if __name__ == "__main__":
    main()
