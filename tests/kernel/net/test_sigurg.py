"""SIGURG from end to end (socket(7), tcp(7)): urgent data interrupts whoever owns the socket."""

from unix_box import on_machine, revents

from userland import libc

LOOPBACK = "127.0.0.1"
SIOCATMARK = 0x8905


def urgent_byte(sock):
    raw = bytearray(1)
    assert libc.recv(sock, raw, flags=libc.MSG_OOB) == 1
    return bytes(raw)


def connection(box, port):
    """(client, server) over lo."""
    listener = libc.socket(libc.AF_INET, libc.SOCK_STREAM)
    box.keep(listener)
    assert libc.setsockopt(listener, libc.SOL_SOCKET, libc.SO_REUSEADDR, 1) == 0
    assert libc.bind(listener, libc.sockaddr_in(LOOPBACK, port)) == 0 and libc.listen(listener, 5) == 0
    client = libc.socket(libc.AF_INET, libc.SOCK_STREAM)
    box.keep(client)
    assert libc.connect(client, libc.sockaddr_in(LOOPBACK, port)) == 0
    return client, box.accept(listener)


def test_urgent_data_interrupts_its_receiver():
    def scenario(box):
        client, server = connection(box, 40123)
        caught = []
        libc.signal(libc.SIGURG, caught.append)
        # Nobody owns a socket from the beginning.
        assert libc.send(client, b"a", flags=libc.MSG_OOB) == 1
        libc.usleep(20000)
        assert caught == [] and revents(server, libc.POLLPRI) == libc.POLLPRI
        assert libc.fcntl(server, libc.F_SETOWN, libc.getpid()) == 0
        assert libc.fcntl(server, libc.F_GETOWN) == libc.getpid()
        assert libc.send(client, b"plain") == 5
        libc.usleep(20000)
        assert caught == []
        # Each urgent byte is one signal, whether or not the one before has been read.
        for number in (1, 2):
            assert libc.send(client, b"b!", flags=libc.MSG_OOB) == 2
            libc.usleep(20000)
            assert caught == [libc.SIGURG] * number
        assert urgent_byte(server) == b"!"
        # A process group can own it, too, or nobody any more.
        assert libc.fcntl(server, libc.F_SETOWN, -libc.getpid()) == 0
        assert libc.send(client, b"c", flags=libc.MSG_OOB) == 1
        libc.usleep(20000)
        assert caught == [libc.SIGURG] * 3
        assert libc.fcntl(server, libc.F_SETOWN, 0) == 0
        assert libc.send(client, b"d", flags=libc.MSG_OOB) == 1
        libc.usleep(20000)
        assert caught == [libc.SIGURG] * 3

    on_machine(scenario, "/tmp")


def test_a_call_that_waits_is_interrupted():
    def scenario(box):
        client, server = connection(box, 40124)
        marks = []
        mark = bytearray(4)

        def handler(signum):
            # At the mark, and the byte can be had, while the call still stands.
            marks.append((urgent_byte(server), libc.ioctl(server, SIOCATMARK, mark), mark[0]))

        libc.sigaction(libc.SIGURG, handler)
        libc.fcntl(server, libc.F_SETOWN, libc.getpid())
        thread = libc.thread_create(lambda: (libc.usleep(20000), libc.send(client, b"!", flags=libc.MSG_OOB)))
        assert libc.recv(server, bytearray(10)) == -1 and libc.errno == libc.EINTR
        assert marks == [(b"!", 0, 1)]
        libc.thread_join(thread)

    on_machine(scenario, "/tmp")
