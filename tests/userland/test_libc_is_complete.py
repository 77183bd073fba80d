"""userland.libc has what the C headers declare, each with the prototype of its man page, and fails as it says there."""

import errno
import inspect
import os
import re

import pytest
from tests_userland_guest import Guest

from hwemu.clock import Clock
from hwemu.wire.link import Link
from lab import guest
from lab.machine import build_machine
from userland import libc

# What each header declares (glibc), in the order of the man pages.
HEADERS = {
    "sys/socket.h": """socket socketpair bind getsockname connect getpeername send recv sendto recvfrom sendmsg sendmmsg recvmsg
        recvmmsg getsockopt setsockopt listen accept accept4 shutdown sockatmark""",
    "arpa/inet.h": """htonl htons ntohl ntohs inet_addr inet_aton inet_ntoa inet_ntop inet_pton inet_network inet_makeaddr
        inet_lnaof inet_netof inet_net_pton inet_net_ntop""",
    "net/if.h": "if_nametoindex if_indextoname if_nameindex",
    "ifaddrs.h": "getifaddrs",
    "netdb.h": """getaddrinfo getnameinfo gai_strerror gethostbyname gethostbyname2 gethostbyaddr sethostent gethostent endhostent
        getservbyname getservbyport setservent getservent endservent getprotobyname getprotobynumber setprotoent getprotoent
        endprotoent getnetbyname getnetbyaddr setnetent getnetent endnetent herror hstrerror""",
    "poll.h": "poll ppoll",
    "sys/select.h": "select pselect FD_CLR FD_ISSET FD_SET FD_ZERO",
    "sys/epoll.h": "epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2",
    "sys/eventfd.h": "eventfd eventfd_read eventfd_write",
    "sys/timerfd.h": "timerfd_create timerfd_settime timerfd_gettime",
    "sys/signalfd.h": "signalfd",
    "sys/uio.h": "readv writev preadv pwritev preadv2 pwritev2",
    "sys/sendfile.h": "sendfile",
    "fcntl.h": "open openat fcntl fallocate splice tee vmsplice",
    "unistd.h": """access faccessat eaccess lseek close close_range read write pread pwrite pipe alarm sleep pause chown fchown
        lchown fchownat chdir fchdir getcwd dup dup2 dup3 execve execv execle execl execvp execlp execvpe _exit pathconf
        fpathconf sysconf getpid getppid getpgrp getpgid setpgid getsid setsid ttyname isatty link linkat symlink
        readlink symlinkat readlinkat unlink unlinkat rmdir tcgetpgrp tcsetpgrp gethostname sethostname getdomainname
        fsync syncfs sync getpagesize getdtablesize truncate ftruncate lockf copy_file_range fdatasync usleep gettid
        getentropy umask""",
    "sys/wait.h": "waitpid WIFEXITED WEXITSTATUS WIFSIGNALED WTERMSIG WIFSTOPPED WSTOPSIG WIFCONTINUED",
}  # fmt: skip
# What they declare beside that, and why a program in Python has no use for it or the machine none to give.
ABSENT = {
    "if_freenameindex freeifaddrs freeaddrinfo": "memory is Python's to free",
    "fork vfork": "a greenlet can not be copied: spawn",
    "pipe2": "libc.pipe takes the flags",
    "getuid geteuid getgid getegid getgroups setuid setgid getlogin": "there are no users",
    "nice": "tasks are cooperative: nobody has a priority",
    "brk sbrk swab crypt": "memory and bytes are Python's",
    "gethostbyname_r getservbyname_r": "every thread has its own results",
    "isfdtype": "no standard has it",
}
# Macros and accessors, whose docstring is the name in C.
NO_PROTOTYPE = re.compile(r"FD_\w+|W[A-Z]+")


@pytest.mark.parametrize("header", HEADERS)
def test_every_function_is_there_with_its_prototype(header):
    for name in HEADERS[header].split():
        function = getattr(libc, name)
        doc = inspect.getdoc(function) or ""
        assert doc, name
        if not NO_PROTOTYPE.fullmatch(name):
            # `int socket(int domain, ...)`: a type, the name (or that of the call behind it) and arguments.
            assert re.search(rf"\w[\w\s]* \*{{0,2}}\w*{name.lstrip('_').split('_')[0]}\w*\(", doc), f"{name}: {doc}"


def test_what_is_absent_is_so_on_purpose():
    for names, reason in ABSENT.items():
        assert reason
        for name in names.split():
            assert not hasattr(libc, name), name


def test_errno_knows_every_number_and_its_words():
    for number, name in errno.errorcode.items():
        assert getattr(libc, name) == number
        assert libc.strerror(number) == os.strerror(number)
    assert libc.EHWPOISON == 133 and libc.strerror(9999) == "Unknown error 9999" and libc.strerror(0) == "Success"


@pytest.fixture(scope="module")
def machine():
    """A booted machine with a card that nothing is plugged into."""
    clock = Clock()
    host = build_machine(
        clock, Link(clock, "wire", rate=10**9, delay=1000), cmdline={"init": guest.INIT, "console": "pipe"},
        files={guest.INIT: guest.INIT_TEXT},
    )  # fmt: skip
    guest.boot(host, "10.0.0.1")
    yield host
    assert host.power_off(0) == 0 and host.kernel.leak_report() == []


@pytest.fixture
def libc_call(machine):
    """libc_call(function, ...): (its result, errno) as a program on a machine."""

    def call(function, *arguments):
        return guest.run(machine, lambda: (function(*arguments), libc.errno))

    return call


NOWHERE = "/no/such"


@pytest.mark.parametrize(
    ("function", "arguments", "number"),
    [
        (libc.socket, (99, 1), errno.EAFNOSUPPORT),
        (libc.socket, (libc.AF_INET, 99), errno.EINVAL),
        (libc.socket, (libc.AF_INET, libc.SOCK_STREAM, libc.IPPROTO_UDP), errno.EPROTONOSUPPORT),
        (libc.bind, (0, b"\2\0" + bytes(14)), errno.ENOTSOCK),
        (libc.connect, (99, b"\2\0" + bytes(14)), errno.EBADF),
        (libc.listen, (99, 1), errno.EBADF),
        (libc.shutdown, (0, 2), errno.ENOTSOCK),
        (libc.recv, (99, bytearray(1)), errno.EBADF),
        (libc.sendmmsg, (99, [libc.msghdr([b"x"])]), errno.EBADF),
        (libc.recvmmsg, (0, [libc.msghdr([bytearray(1)])]), errno.ENOTSOCK),
        (libc.sockatmark, (0,), errno.ENOTTY),
        (libc.close, (99,), errno.EBADF),
        (libc.dup2, (99, 5), errno.EBADF),
        (libc.dup3, (0, 0, 0), errno.EINVAL),
        (libc.dup3, (0, 5, 1), errno.EINVAL),
        (libc.pipe, (1,), errno.EINVAL),
        (libc.epoll_create, (0,), errno.EINVAL),
        (libc.epoll_create1, (1,), errno.EINVAL),
        (libc.epoll_ctl, (0, 1, 0), errno.EINVAL),
        (libc.epoll_wait, (99, [], 0), errno.EBADF),
        (libc.open, (NOWHERE,), errno.ENOENT),
        (libc.chdir, ("/etc/hosts",), errno.ENOTDIR),
        (libc.access, (NOWHERE, 0), errno.ENOENT),
        (libc.eaccess, (NOWHERE, 0), errno.ENOENT),
        (libc.link, (NOWHERE, "/tmp/x"), errno.ENOENT),
        (libc.rmdir, ("/etc",), errno.ENOTEMPTY),
        (libc.truncate, (NOWHERE, 0), errno.ENOENT),
        (libc.execv, (NOWHERE, ["x"]), errno.ENOENT),
        (libc.execvp, ("no-such-program", ["x"]), errno.ENOENT),
        (libc.execl, ("/etc/hosts", "x"), errno.EACCES),
        (libc.lockf, (0, 9, 0), errno.EINVAL),
        (libc.lockf, (99, libc.F_LOCK, 0), errno.EBADF),
        (libc.syncfs, (99,), errno.EBADF),
        (libc.getpgid, (4242,), errno.ESRCH),
        (libc.tcgetpgrp, (99,), errno.EBADF),
        (libc.pathconf, (NOWHERE, 3), errno.ENOENT),
        (libc.fpathconf, (99, 3), errno.EBADF),
        (libc.fpathconf, (0, 99), errno.EINVAL),
        (libc.sysconf, (9999,), errno.EINVAL),
        (libc.sethostname, ("x" * 65,), errno.EINVAL),
        (libc.getentropy, (257,), errno.EIO),
        (libc.preadv2, (99, [bytearray(1)], 0), errno.EBADF),
        (libc.pwritev2, (1, [b"x"], 0), errno.ESPIPE),
        (libc.inet_net_pton, (libc.AF_INET, "300/8"), errno.ENOENT),
        (libc.inet_net_pton, (libc.AF_UNIX, "10/8"), errno.EAFNOSUPPORT),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_failures_are_those_of_the_man_pages(libc_call, function, arguments, number):
    assert libc_call(function, *arguments) == (-1, number)


def test_classful_addresses_and_networks():
    """inet(3), as glibc computes them."""
    assert [libc.inet_network(text) for text in ("10", "10.1", "10.1.2.3", "0x7f", "010", "256", "", "1..2")] == [
        10, 0x0A01, 0x0A010203, 127, 8, -1, -1, -1
    ]  # fmt: skip
    assert [libc.inet_makeaddr(*pair) for pair in ((10, 0x010203), (0x8001, 5), (0xC00002, 1))] == [
        0x0A010203, 0x80010005, 0xC0000201
    ]  # fmt: skip
    assert (libc.inet_lnaof(0x80010203), libc.inet_netof(0x80010203)) == (0x0203, 0x8001)
    assert (libc.inet_lnaof(0xC0000201), libc.inet_netof(0xC0000201)) == (1, 0xC00002)


def test_names_entries_and_messages(machine):
    def program():
        libc.setservent(1)
        first, second = libc.getservent(), libc.getservent()
        assert (first.s_name, first.s_port, first.s_proto) == ("tcpmux", 1, "tcp") and second.s_name == "echo"
        libc.endservent()
        assert libc.getservent().s_name == "tcpmux"
        protocols = []
        while (entry := libc.getprotoent()) is not None:
            protocols.append(entry.p_name)
        assert "tcp" in protocols and libc.getprotoent() is None
        assert libc.gethostent().h_name == "localhost"
        assert libc.getnetbyname("loopback").n_net == 0x7F000000 and libc.getnetbyaddr(127).n_name == "loopback"
        assert libc.getnetbyname("nosuch") is None and libc.getnetbyaddr(1) is None
        assert libc.if_nameindex()[0] == (1, "lo")
        assert libc.sethostname("other") == 0 and libc.gethostname() == "other"
        assert libc.getpagesize() == 4096 and libc.sysconf(4) == libc.getdtablesize() >= 1024
        assert libc.getpgrp() == libc.getpgid(libc.getpid()) and len(libc.getentropy(16)) == 16
        one, other = libc.socketpair(libc.AF_UNIX, libc.SOCK_DGRAM)
        assert libc.sendmmsg(one, [libc.msghdr([b"ab", b"c"]), libc.msghdr([b"defg"])]) == [3, 4]
        came = [libc.msghdr([bytearray(10)], control=64) for _ in range(3)]
        assert libc.recvmmsg(other, came, libc.MSG_DONTWAIT, 10**9) == [3, 4]
        assert bytes(came[1].iov[0][:4]) == b"defg" and came[0].control == []
        fd = libc.memfd_create("m")
        assert libc.pwritev2(fd, [b"hello ", b"world"], 2) == 11 and libc.pwritev2(fd, [b"xy"], -1) == 2
        buffers = [bytearray(4), bytearray(20)]
        assert libc.preadv2(fd, buffers, 0) == 13 and bytes(buffers[0]) == b"xyhe"
        assert libc.lseek(fd, 0) == 0 and libc.lockf(fd, libc.F_LOCK, 5) == 0 and libc.lockf(fd, libc.F_TEST, 5) == 0
        assert libc.lockf(fd, libc.F_ULOCK, 0) == 0 and libc.syncfs(fd) == 0
        for descriptor in (one, other, fd):
            libc.close(descriptor)
        return 0

    assert guest.run(machine, program) == 0


def test_herror_and_exec_by_name():
    machine = Guest(
        "prog", {"/bin/prog": b"from userland import libc\n\n\ndef main(argv):\n    libc.gethostbyname('no.such.invalid')\n"
                 b"    libc.herror('prog')\n    libc.execlp('echo', 'echo', 'executed')\n"}
    ).run(60)  # fmt: skip
    assert machine.status == 0 and "prog: " in machine.text and machine.text.endswith("executed\n")
