"""Descriptors and credentials in messages of AF_UNIX, and sockets that only such messages keep."""

import struct

import pytest
from system import System
from unix_box import DGRAM, SEQPACKET, STREAM, Box, carry_out, errno_of, revents

from userland import libc

RIGHTS, CREDENTIALS = libc.SCM_RIGHTS, libc.SCM_CREDENTIALS


def rights(*fds):
    return (libc.SOL_SOCKET, RIGHTS, b"".join(fd.to_bytes(4, "little", signed=True) for fd in fds))


def send_fds(sock, data, *fds):
    return libc.sendmsg(sock, libc.msghdr([data], control=[rights(*fds)]))


def receive(box, sock, size=16, room=1024, flags=0):
    """(data, descriptors, msg_flags)"""
    message = libc.msghdr([bytearray(size)], control=room)
    count = libc.recvmsg(sock, message, flags)
    assert count >= 0, libc.strerror(libc.errno)
    fds = []
    for level, kind, data in message.control:
        if (level, kind) == (libc.SOL_SOCKET, RIGHTS):
            fds += [int.from_bytes(data[at : at + 4], "little") for at in range(0, len(data), 4)]
    box.keep(*fds)
    return bytes(message.iov[0][:count]), fds, message.flags


@pytest.mark.parametrize("kind", [STREAM, DGRAM, SEQPACKET])
def test_a_descriptor_travels(run, kind):
    def scenario(box):
        a, b = box.pair(kind)
        source, sink = libc.pipe()
        assert send_fds(a, b"here", source, sink) == 4
        libc.close(source)
        libc.close(sink)
        data, (new_source, new_sink), flags = receive(box, b)
        assert data == b"here" and flags == 0
        libc.write(new_sink, b"through")
        assert libc.read_bytes(new_source, 10) == b"through"
        assert libc.fcntl(new_source, libc.F_GETFD) == 0
        send_fds(a, b"x", new_source)
        _, (marked,), flags = receive(box, b, flags=libc.MSG_CMSG_CLOEXEC)
        assert libc.fcntl(marked, libc.F_GETFD) == libc.FD_CLOEXEC

    run(scenario)


def test_descriptors_of_an_urgent_byte_that_is_passed_over_are_closed(run):
    def scenario(box):
        a, b = box.pair()
        source, sink = libc.pipe()
        box.keep(source)
        urgent = libc.msghdr([b"!"], control=[rights(sink)])
        assert libc.sendmsg(a, urgent, libc.MSG_OOB) == 1
        libc.close(sink)
        libc.send(a, b"after")
        assert receive(box, b)[:2] == (b"after", [])
        assert libc.read_bytes(source, 1) == b""

    run(scenario)


def test_a_read_stops_behind_descriptors(run):
    def scenario(box):
        a, b = box.pair()
        libc.send(a, b"plain")
        send_fds(a, b"with", a)
        libc.send(a, b"after")
        data, fds, _ = receive(box, b, 50)
        assert data == b"plainwith" and len(fds) == 1
        data, fds, _ = receive(box, b, 50)
        assert data == b"after" and fds == []
        send_fds(a, b"one", a)
        send_fds(a, b"two", a)
        assert receive(box, b, 50)[0] == b"one"
        assert receive(box, b, 50)[0] == b"two"

    run(scenario)


def test_peeking_makes_descriptors_too(run):
    def scenario(box):
        for kind in (STREAM, DGRAM):
            a, b = box.pair(kind)
            send_fds(a, b"p", a)
            _, first, _ = receive(box, b, flags=libc.MSG_PEEK)
            _, second, _ = receive(box, b)
            assert len(first) == len(second) == 1 and first != second

    run(scenario)


def test_what_finds_no_room_is_closed(run):
    def scenario(box):
        a, b = box.pair()
        for room, installed in ((0, 0), (16, 0), (19, 0), (20, 1), (24, 2), (1024, 3)):
            source, sink = libc.pipe()
            send_fds(a, b"r", sink, sink, sink)
            libc.close(sink)
            _, fds, flags = receive(box, b, room=room)
            assert len(fds) == installed and (flags & libc.MSG_CTRUNC != 0) == (installed < 3), room
            box.close(*fds)
            # The last writer of the pipe is gone.
            assert libc.read(source, bytearray(1)) == 0
            libc.close(source)
        source, sink = libc.pipe()
        send_fds(a, b"r", sink)
        libc.close(sink)
        assert libc.recv_bytes(b, 10) == b"r"
        assert libc.read(source, bytearray(1)) == 0
        libc.close(source)

    run(scenario)


def test_descriptors_that_can_not_be_sent(run):
    def scenario(box):
        a, b = box.pair()
        assert errno_of(send_fds(a, b"x", 999)) == libc.EBADF
        assert errno_of(send_fds(a, b"x", a, -1)) == libc.EBADF
        assert errno_of(send_fds(a, b"x", *[a] * 254)) == libc.EINVAL
        assert send_fds(a, b"x", *[a] * 253) == 1
        data, fds, _ = receive(box, b, room=4096)
        assert data == b"x" and len(fds) == 253
        assert errno_of(libc.sendmsg(a, libc.msghdr([b"x"], control=[(libc.SOL_SOCKET, 77, b"")]))) == libc.EINVAL
        assert libc.sendmsg(a, libc.msghdr([b"y"], control=[(77, 1, b"")])) == 1

    run(scenario)


def ucred(fd):
    return struct.unpack("<iII", libc.getsockopt(fd, libc.SOL_SOCKET, libc.SO_PEERCRED, 12))


def test_who_is_at_the_other_end(run):
    def scenario(box):
        me = (libc.getpid(), 0, 0)
        nobody = (0, 0xFFFFFFFF, 0xFFFFFFFF)
        a, b = box.pair()
        assert ucred(a) == ucred(b) == me
        fd = box.socket()
        assert ucred(fd) == nobody
        listener = box.listener(box.abstract("cred"))
        client = box.connected(box.abstract("cred"))
        assert ucred(client) == ucred(box.accept(listener)) == ucred(listener) == me
        assert ucred(box.socket(DGRAM)) == nobody

    run(scenario)


def test_credentials_come_with_messages(run):
    def scenario(box):
        me = struct.pack("<iII", libc.getpid(), 0, 0)
        for kind in (STREAM, DGRAM):
            a, b = box.pair(kind)
            assert libc.setsockopt(b, libc.SOL_SOCKET, libc.SO_PASSCRED, 1) == 0
            assert libc.getsockopt_int(b, libc.SOL_SOCKET, libc.SO_PASSCRED) == 1
            libc.send(a, b"x")
            message = libc.msghdr([bytearray(4)], control=64)
            assert libc.recvmsg(b, message) == 1
            assert message.control == [(libc.SOL_SOCKET, CREDENTIALS, me)]
            claim = struct.pack("<iII", 1, 7, 8)
            assert libc.sendmsg(a, libc.msghdr([b"y"], control=[(libc.SOL_SOCKET, CREDENTIALS, claim)])) == 1
            message = libc.msghdr([bytearray(4)], control=64)
            libc.recvmsg(b, message)
            assert message.control == [(libc.SOL_SOCKET, CREDENTIALS, claim)]
            wrong = struct.pack("<iII", 4194303, 0, 0)
            control = [(libc.SOL_SOCKET, CREDENTIALS, wrong)]
            assert errno_of(libc.sendmsg(a, libc.msghdr([b"y"], control=control))) == libc.ESRCH
            control = [(libc.SOL_SOCKET, CREDENTIALS, wrong[:8])]
            assert errno_of(libc.sendmsg(a, libc.msghdr([b"y"], control=control))) == libc.EINVAL
            libc.send(a, b"z")
            message = libc.msghdr([bytearray(4)], control=0)
            libc.recvmsg(b, message)
            assert message.flags & libc.MSG_CTRUNC
        inet = libc.socket(libc.AF_INET, STREAM)
        box.keep(inet)
        assert errno_of(libc.setsockopt(inet, libc.SOL_SOCKET, libc.SO_PASSCRED, 1)) == libc.EOPNOTSUPP

    run(scenario)


def count_of(system):
    return len(system.kernel.net.unix_domain.socks)


@pytest.mark.parametrize("kind", [STREAM, DGRAM])
def test_sockets_that_only_their_own_messages_keep_are_collected(kind):
    system = System(memory=16 << 20, net="loopback")

    def scenario(box):
        for _ in range(5):
            # A socket in its own queue.
            a, b = box.pair(kind)
            send_fds(b, b"x", a)
            box.close(a, b)
            # Two in each other's.
            a, b = box.pair(kind)
            send_fds(a, b"x", a)
            send_fds(b, b"x", b)
            box.close(a, b)
            # A ring of four, with a pipe on board.
            ring = [box.pair(kind) for _ in range(4)]
            source, sink = libc.pipe()
            for number, (_, end) in enumerate(ring):
                send_fds(end, b"x", ring[(number + 1) % 4][0], sink)
            libc.close(sink)
            box.close(*[fd for ends in ring for fd in ends])
            box.close(box.socket())
            assert libc.read(source, bytearray(1)) == 0
            libc.close(source)
        assert count_of(system) == 0

    carry_out(system, scenario, "/tmp")


def test_what_can_still_be_received_is_not_collected():
    system = System(memory=16 << 20, net="loopback")

    def scenario(box):
        a, b = box.pair()
        c, d = box.pair()
        send_fds(a, b"1", c)
        send_fds(d, b"2", b)
        box.close(c)
        box.close(box.socket())
        _, (again,), _ = receive(box, b)
        _, (other,), _ = receive(box, again)
        send_fds(a, b"3", a)
        assert receive(box, other)[0] == b"3"

    carry_out(system, scenario, "/tmp")


def test_a_connection_that_nobody_accepts_carries_descriptors_to_their_end():
    system = System(memory=16 << 20, net="loopback")

    def scenario(box):
        listener = box.listener(box.abstract("l"))
        client = box.connected(box.abstract("l"))
        source, sink = libc.pipe()
        send_fds(client, b"x", sink, listener)
        libc.close(sink)
        box.close(listener)
        box.close(client)
        box.close(box.socket())
        assert libc.read(source, bytearray(1)) == 0
        assert count_of(system) == 0

    carry_out(system, scenario, "/tmp")


def test_a_chain_of_a_thousand_sockets_ends_without_climbing():
    system = System(memory=32 << 20, net="loopback")

    def scenario(box):
        carrier = box.pair()
        for _ in range(1000):
            following = box.pair()
            send_fds(following[1], b"x", carrier[0])
            box.close(*carrier)
            carrier = following
        box.close(*carrier)
        assert count_of(system) == 0

    carry_out(system, scenario, "/tmp")


def test_a_full_table_gets_as_many_descriptors_as_it_takes():
    system = System(memory=16 << 20, net="loopback")

    def scenario(box: Box):
        a, b = box.pair()
        system.kernel.sched.current.files.limit = b + 3
        send_fds(a, b"x", a, a, a)
        _, fds, flags = receive(box, b)
        assert fds == [b + 1, b + 2] and flags == libc.MSG_CTRUNC

    carry_out(system, scenario, "/tmp")


# --- processes as descriptors ---


def control_of(sock, room=256, size=16):
    """(bytes, {type: data}, msg_flags) of a message."""
    message = libc.msghdr([bytearray(size)], control=room)
    count = libc.recvmsg(sock, message, libc.MSG_DONTWAIT)
    return count, {kind: bytes(data) for level, kind, data in message.control if level == libc.SOL_SOCKET}, message.flags


def pidfd_in(box, data):
    fd = int.from_bytes(data, "little", signed=True)
    box.keep(fd)
    return fd


def is_this_process(fd):
    """Whether a pidfd is the program's own: signal 0 says that somebody is there, and a status file says who."""
    assert libc.pidfd_send_signal(fd, 0) == 0
    return f"Pid:\t{libc.getpid()}\n" in read_text(f"/proc/self/fdinfo/{fd}")


def read_text(path):
    fd = libc.open(path, libc.O_RDONLY)
    raw = bytearray(4096)
    count = libc.read(fd, raw)
    assert libc.close(fd) == 0 and count > 0
    return bytes(raw[:count]).decode()


@pytest.mark.parametrize("kind", [STREAM, DGRAM, SEQPACKET])
def test_the_sender_as_a_descriptor(run, kind):
    def scenario(box):
        a, b = box.pair(kind)
        assert libc.getsockopt_int(b, libc.SOL_SOCKET, libc.SO_PASSPIDFD) == 0
        assert libc.setsockopt(b, libc.SOL_SOCKET, libc.SO_PASSPIDFD, 7) == 0
        assert libc.getsockopt_int(b, libc.SOL_SOCKET, libc.SO_PASSPIDFD) == 1
        assert libc.send(a, b"who") == 3
        count, control, flags = control_of(b)
        assert (count, list(control), flags) == (3, [libc.SCM_PIDFD], 0)
        fd = pidfd_in(box, control[libc.SCM_PIDFD])
        assert is_this_process(fd) and libc.fcntl(fd, libc.F_GETFD) == libc.FD_CLOEXEC
        assert revents(fd) == 0
        # Beside descriptors and credentials it comes last; without room there is none.
        assert libc.setsockopt(b, libc.SOL_SOCKET, libc.SO_PASSCRED, 1) == 0
        assert send_fds(a, b"all", fd) == 3
        _, control, flags = control_of(b)
        assert (list(control), flags) == ([CREDENTIALS, RIGHTS, libc.SCM_PIDFD], 0)
        pidfd_in(box, control[RIGHTS])
        assert is_this_process(pidfd_in(box, control[libc.SCM_PIDFD]))
        assert libc.send(a, b"cut") == 3
        _, control, flags = control_of(b, room=48)
        assert (list(control), flags) == ([CREDENTIALS], libc.MSG_CTRUNC)

    run(scenario)


def test_the_peer_as_a_descriptor(run):
    def scenario(box):
        a, _ = box.pair()
        fd = pidfd_in(box, libc.getsockopt(a, libc.SOL_SOCKET, libc.SO_PEERPIDFD))
        assert is_this_process(fd)
        alone = box.socket()
        assert errno_of(libc.getsockopt(alone, libc.SOL_SOCKET, libc.SO_PEERPIDFD)) == libc.ENODATA
        listener = box.listener(box.abstract("peer"))
        client = box.connected(box.abstract("peer"))
        for sock in (client, box.accept(listener)):
            assert is_this_process(pidfd_in(box, libc.getsockopt(sock, libc.SOL_SOCKET, libc.SO_PEERPIDFD)))

    run(scenario)


@pytest.mark.parametrize("kind", [STREAM, DGRAM, SEQPACKET])
def test_who_takes_no_descriptors(run, kind):
    def scenario(box):
        a, b = box.pair(kind)
        assert libc.getsockopt_int(b, libc.SOL_SOCKET, libc.SO_PASSRIGHTS) == 1
        assert libc.setsockopt(b, libc.SOL_SOCKET, libc.SO_PASSRIGHTS, 0) == 0
        assert errno_of(send_fds(a, b"x", a)) == libc.EPERM
        assert libc.send(a, b"plain") == 5 and control_of(b)[0] == 5
        assert libc.setsockopt(b, libc.SOL_SOCKET, libc.SO_PASSRIGHTS, 1) == 0
        assert send_fds(a, b"x", a) == 1 and len(receive(box, b)[1]) == 1

    run(scenario)


def test_an_accepted_socket_has_the_choices_of_its_listener(run):
    def scenario(box):
        listener = box.listener(box.abstract("choices"))
        assert libc.setsockopt(listener, libc.SOL_SOCKET, libc.SO_PASSRIGHTS, 0) == 0
        assert libc.setsockopt(listener, libc.SOL_SOCKET, libc.SO_PASSPIDFD, 1) == 0
        client = box.connected(box.abstract("choices"))
        accepted = box.accept(listener)
        assert libc.getsockopt_int(accepted, libc.SOL_SOCKET, libc.SO_PASSRIGHTS) == 0
        assert libc.getsockopt_int(accepted, libc.SOL_SOCKET, libc.SO_PASSPIDFD) == 1
        assert errno_of(send_fds(client, b"x", client)) == libc.EPERM

    run(scenario)


def test_a_stream_says_how_much_is_left(run):
    def scenario(box):
        a, b = box.pair()
        for wrong in (2, -1):
            assert errno_of(libc.setsockopt(b, libc.SOL_SOCKET, libc.SO_INQ, wrong)) == libc.EINVAL
        assert libc.setsockopt(b, libc.SOL_SOCKET, libc.SO_INQ, 1) == 0
        assert libc.send(a, b"hello") == 5 and libc.send(a, b", world") == 7
        for size, left in ((2, 10), (4, 6), (9, 0)):
            _, control, _ = control_of(b, size=size)
            assert control == {libc.SO_INQ: left.to_bytes(4, "little")}
        datagrams, _ = box.pair(DGRAM)
        assert errno_of(libc.setsockopt(datagrams, libc.SOL_SOCKET, libc.SO_INQ, 1)) == libc.ENOPROTOOPT

    run(scenario)
