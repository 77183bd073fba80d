"""Names of AF_UNIX sockets: paths, abstract names, none; binding and finding them."""

from system import System
from unix_box import DGRAM, SEQPACKET, STREAM, carry_out, errno_of

from userland import libc


def test_a_path(run):
    def scenario(box):
        addr = box.path("s")
        fd = box.bound(addr)
        assert libc.getsockname(fd) == addr
        assert errno_of(libc.getpeername(fd)) == libc.ENOTCONN
        assert libc.stat(f"{box.folder}/s").st_mode & libc.S_IFMT == libc.S_IFSOCK
        assert errno_of(libc.open(f"{box.folder}/s", libc.O_RDWR)) == libc.ENXIO
        other = box.socket()
        assert errno_of(libc.bind(other, addr)) == libc.EADDRINUSE
        assert errno_of(libc.bind(fd, box.path("t"))) == libc.EINVAL
        assert errno_of(libc.stat(f"{box.folder}/t")) == libc.ENOENT
        assert errno_of(libc.bind(other, box.path("no/s"))) == libc.ENOENT
        box.close(fd)
        assert errno_of(libc.bind(other, addr)) == libc.EADDRINUSE
        assert errno_of(libc.connect(other, addr)) == libc.ECONNREFUSED
        assert libc.unlink(f"{box.folder}/s") == 0
        assert libc.bind(other, addr) == 0

    run(scenario)


def test_a_name_that_was_unlinked_and_bound_again_leads_to_the_new_socket(run):
    def scenario(box):
        addr = box.path("s")
        old = box.listener(addr)
        libc.unlink(f"{box.folder}/s")
        new = box.listener(addr, flags=libc.SOCK_NONBLOCK)
        libc.set_nonblocking(old)
        box.connected(addr)
        assert errno_of(libc.accept(old)) == libc.EAGAIN
        box.accept(new)
        assert libc.getsockname(old) == addr

    run(scenario)


def test_an_abstract_name(run):
    def scenario(box):
        addr = box.abstract("a") + b"\0with\0nuls"
        fd = box.bound(addr)
        assert libc.getsockname(fd) == addr
        assert errno_of(libc.bind(box.socket(), addr)) == libc.EADDRINUSE
        # Each type has names of its own.
        assert libc.bind(box.socket(DGRAM), addr) == 0
        assert errno_of(libc.bind(fd, box.abstract("b"))) == libc.EINVAL
        box.close(fd)
        box.bound(addr)

    run(scenario)


def test_no_name_and_a_name_from_the_kernel(run):
    def scenario(box):
        nothing = libc.sockaddr_un(b"")
        fd = box.socket()
        assert libc.getsockname(fd) == nothing
        assert libc.bind(fd, nothing) == 0
        name = libc.getsockname(fd)
        assert len(name) == 8 and name[2] == 0 and int(name[3:], 16) >= 0
        assert libc.bind(fd, nothing) == 0 and libc.getsockname(fd) == name
        other = box.bound(nothing)
        assert libc.getsockname(other) != name
        a, b = box.pair()
        assert libc.getpeername(a) == nothing == libc.getsockname(b)

    run(scenario)


def test_addresses_that_are_none(run):
    def scenario(box):
        fd = box.socket()
        assert errno_of(libc.bind(fd, b"\2\0/tmp/x")) == libc.EINVAL
        assert errno_of(libc.connect(fd, b"\1\0")) == libc.EINVAL
        assert errno_of(libc.bind(fd, b"\1\0" + b"x" * 109)) == libc.EINVAL
        assert errno_of(libc.connect(fd, b"\1")) == libc.EINVAL
        assert errno_of(libc.connect(fd, box.path("none"))) == libc.ENOENT
        assert errno_of(libc.connect(fd, box.abstract("none"))) == libc.ECONNREFUSED
        assert errno_of(libc.connect(fd, libc.sockaddr_un(box.folder))) == libc.ECONNREFUSED
        longest = b"\1\0" + b"\0" + b"y" * 107
        assert libc.bind(fd, longest) == 0 and libc.getsockname(fd) == longest

    run(scenario)


def test_types_do_not_mix(run):
    def scenario(box):
        addr = box.abstract("typed")
        box.listener(addr)
        for kind in (DGRAM, SEQPACKET):
            assert errno_of(libc.connect(box.socket(kind), addr)) == libc.ECONNREFUSED
        box.bound(box.path("d"), DGRAM)
        assert errno_of(libc.connect(box.socket(), box.path("d"))) == libc.EPROTOTYPE
        assert errno_of(libc.sendto(box.socket(SEQPACKET), b"x", addr=box.path("d"))) == libc.ENOTCONN
        assert errno_of(libc.socket(libc.AF_UNIX, 5 + 5)) == libc.ESOCKTNOSUPPORT
        assert errno_of(libc.socket(libc.AF_UNIX, STREAM, 2)) == libc.EPROTONOSUPPORT
        raw = libc.socket(libc.AF_UNIX, libc.SOCK_RAW)
        box.keep(raw)
        assert libc.getsockopt_int(raw, libc.SOL_SOCKET, libc.SO_TYPE) == DGRAM
        assert errno_of(libc.setsockopt(raw, 6, 1, 1)) == libc.EOPNOTSUPP
        assert errno_of(libc.getsockopt(raw, 6, 1)) == libc.EOPNOTSUPP

    run(scenario)


def test_proc_net_unix_has_a_line_for_each():
    def scenario(box):
        box.listener(box.path("s"))
        box.connected(box.path("s"))
        box.bound(box.abstract("d"), DGRAM)
        box.socket(SEQPACKET)
        lines = libc.read_text("/proc/net/unix").splitlines()
        assert lines[0] == "Num       RefCount Protocol Flags    Type St Inode Path"
        found = [line.split()[3:6] + line.split()[7:] for line in lines[1:]]
        assert found == [
            ["00010000", "0001", "01", "/tmp/s"],
            ["00000000", "0001", "03"],
            ["00000000", "0001", "02", "/tmp/s"],
            ["00000000", "0002", "01", "@hwemu-test-d"],
            ["00000000", "0005", "01"],
        ]

    carry_out(System(memory=16 << 20, net="loopback"), scenario, "/tmp")
