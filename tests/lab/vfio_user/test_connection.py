"""Clients that come, go, and speak garbage."""

import errno
import os
import socket
import stat
import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lab.errors import LabError
from lab.vfio_user import messages
from lab.vfio_user.channel import LARGEST_TRANSFER, MOST_FDS
from lab.vfio_user.server import Server

from .client import CAPABILITIES, MILLISECOND, PAGE, Bench, Gone, Machine, memfd, open_descriptors

MANY = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


def test_version(bench):
    client = bench.connect()
    major, minor, capabilities = client.version()
    assert (major, minor) == (0, 0)
    assert set(capabilities) == set(CAPABILITIES)
    assert capabilities["max_data_xfer_size"] == LARGEST_TRANSFER and capabilities["write_multiple"] is True
    client.close()


def test_version_of_a_newer_client(bench):
    client = bench.connect()
    assert client.version(0, 7, {"pgsizes": 4096, "twin_socket": {"supported": True}}) == (0, 1, {"pgsizes": 4096})
    client.close()


def test_version_without_capabilities(bench):
    client = bench.connect()
    answer = client.call(messages.VERSION, b"\0\0\0\0")
    assert messages.decode_version(answer) == (0, 0, {})
    client.close()


@pytest.mark.parametrize(
    "payload, why",
    [
        (b"\1\0\0\0", "version 1.0 (this is 0.1)"),
        (b"\0\0", "a VERSION without its numbers"),
        (b"\0\0\0\0{}", "version data that does not end in its NUL"),
        (b"\0\0\0\0{}\0{}\0", "version data that does not end in its NUL"),
        (b"\0\0\0\0{\0", "version data that is not JSON"),
        (b"\0\0\0\0\xff\0", "version data that is not JSON"),
        (b"\0\0\0\0" + b"[" * 50000 + b"\0", "version data that is not JSON"),
        (b"\0\0\0\0[]\0", "version data that names no capabilities"),
        (b'\0\0\0\0{"capabilities":3}\0', "version data that names no capabilities"),
    ],
)
def test_versions_that_are_none(bench, payload, why):
    client = bench.connect()
    with pytest.raises(Gone):
        client.call(messages.VERSION, payload)
    assert bench.lines[1:] == [f"the client was disconnected: {why}"]


def header(size=16, command=messages.DEVICE_RESET, flags=0):
    return struct.pack("<HHIII", 1, command, size, flags, 0)


@pytest.mark.parametrize(
    "data, why",
    [
        (header(size=15), "a message of 15 bytes"),
        (header(size=0), "a message of 0 bytes"),
        (header(size=65537), "a message of 65537 bytes"),
        (header(size=0xFFFFFFFF), "a message of 4294967295 bytes"),
        (header(flags=1), "a reply that nobody asked for"),
        (header(command=messages.VERSION), "a second VERSION"),
        (header(command=messages.DMA_MAP), "a DMA_MAP of 0 bytes"),
        (header(command=messages.DEVICE_SET_IRQS), "a DEVICE_SET_IRQS of 0 bytes"),
        (header(command=messages.REGION_READ), "a REGION_READ of 0 bytes"),
        (header(command=messages.REGION_WRITE), "a REGION_WRITE of 0 bytes for 0"),
        (header(command=messages.REGION_WRITE_MULTI), "a REGION_WRITE_MULTI of 0 bytes for 0 writes"),
        (header(24, messages.REGION_WRITE_MULTI) + b"\xff" * 8, f"a REGION_WRITE_MULTI of 8 bytes for {2**64 - 1} writes"),
        (header(36, messages.REGION_WRITE) + struct.pack("<QII", 0, 0, 8) + bytes(4), "a REGION_WRITE of 20 bytes for 8"),
    ],
)
def test_garbage_ends_the_connection_with_one_line(client, bench, data, why):
    client.send(data)
    with pytest.raises(Gone):
        client.reply()
    assert bench.lines == ["a client has connected", f"the client was disconnected: {why}"]


def test_a_message_before_version(bench):
    client = bench.connect()
    client.send(header())
    with pytest.raises(Gone):
        client.reply()
    assert bench.lines[1] == "the client was disconnected: a message before VERSION"


def test_messages_in_pieces_and_together(client):
    client.enable()
    read = messages.REGION_ACCESS.build({"offset": 8, "region": 0, "count": 4})
    message = messages.encode(7, messages.REGION_READ, read)
    for octet in message * 2:
        client.send(bytes([octet]))
        client.bench.run(MILLISECOND // 10)
    first, second = client.reply(), client.reply()
    assert first == second and len(first[1]) == 20
    client.send(message * 50)
    assert all(client.reply()[0].message_id == 7 for _ in range(50))


def test_descriptors_belong_to_the_message_they_came_with(client, bench):
    """Two posted messages stand before the one with the descriptor, in the same read."""
    fd = memfd(PAGE)
    client.enable()
    for _ in range(2):
        client.write32(0xD0, 1, posted=True)
    client.map(fd, 0, PAGE)
    assert bench.memory.count == 1
    os.close(fd)


def test_too_many_descriptors(client, bench):
    fds = [memfd(PAGE) for _ in range(MOST_FDS + 1)]
    with pytest.raises(Gone):
        client.call(messages.DEVICE_RESET, fds=fds)
    assert bench.lines[-1] == f"the client was disconnected: more than {MOST_FDS} descriptors"
    for fd in fds:
        os.close(fd)


def test_descriptors_that_nobody_asked_for_are_closed(client):
    fds = [memfd(PAGE) for _ in range(3)]
    before = open_descriptors()
    for _ in range(5):
        client.call(messages.DEVICE_RESET, fds=fds)
    # Those of the last message go when the next one comes.
    assert open_descriptors() <= before + len(fds)
    for fd in fds:
        os.close(fd)


def test_a_client_that_does_not_read_its_replies(client, bench):
    access = messages.REGION_ACCESS.build({"offset": 0, "region": messages.CONFIG_REGION, "count": 256})
    message = messages.encode(1, messages.REGION_READ, access)
    client.sock.setblocking(False)
    with pytest.raises((Gone, BlockingIOError)):
        for _ in range(5000):
            client.send(message)
            bench.run(MILLISECOND // 100)
    bench.run(10 * MILLISECOND)
    assert bench.lines[-1] == "the client was disconnected: it does not take its replies"


def test_one_client_at_a_time(client, bench):
    second = bench.connect()
    with pytest.raises(Gone):
        second.version()
    assert bench.lines[-1] == "a second client was turned away"
    client.enable()
    assert client.read32(8) != 0xFFFFFFFF


def test_hanging_up_leaves_a_card_as_after_power_on(bench):
    for _ in range(3):
        client = bench.connect()
        client.version()
        machine = Machine(client)
        assert client.config(4, 2) == 7
        client.write32(0xD0, 0x4)
        client.close()
        machine.close()
        assert bench.lines[-1] == "the client has gone"
        assert bench.memory.count == 0 and bench.nic.interrupts.ims == 0 and bench.nic.dma.enabled == 0


def test_frames_for_a_card_without_a_client(bench):
    client = bench.connect()
    client.version()
    machine = Machine(client)
    client.write32(0x2800, 0x2000)
    client.write32(0x2808, 128)
    client.write32(0x2818, 7)
    client.write32(0x100, 0x8002)
    client.close()
    machine.close()
    bench.end.inject(b"\xff" * 60)
    bench.run()
    assert bench.nic.dma.aborts == 0


# --- the socket ---


def refused(path):
    with pytest.raises(LabError) as error:
        Bench(path)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_paths_that_can_not_be_used(tmp_path):
    (tmp_path / "file").write_text("kept")
    assert refused(tmp_path / "file").endswith("file: Address already in use")
    assert (tmp_path / "file").read_text() == "kept"
    assert refused(tmp_path / "missing/nic.sock").endswith("No such file or directory")
    assert "1 to 107 bytes" in refused(tmp_path / ("x" * 120))


def test_a_socket_that_is_in_use(bench):
    assert refused(bench.server.path).endswith("Address already in use")
    assert stat.S_ISSOCK(os.stat(bench.server.path).st_mode)


def test_a_socket_that_was_left_behind(tmp_path):
    path = tmp_path / "nic.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    bench = Bench(path)
    client = bench.connect()
    client.version()
    bench.close()
    assert not path.exists()
    client.sock.close()


def test_closing_does_not_remove_somebody_elses_socket(tmp_path):
    bench = Bench(tmp_path / "nic.sock")
    os.unlink(tmp_path / "nic.sock")
    other = Bench(tmp_path / "nic.sock")
    bench.close()
    assert (tmp_path / "nic.sock").exists()
    other.close()
    assert isinstance(other.server, Server)


# --- any bytes ---

COMMAND = st.one_of(st.integers(0, 18), st.integers(0, 0xFFFF))
NUMBER = st.one_of(
    st.integers(0, 40), st.integers(0, 2**64 - 1), st.sampled_from((PAGE, 1 << 20, 0xFFFFFFFF, 1 << 32, 2**64 - PAGE, 0x1FFFC))
)
FIELDS = st.lists(st.tuples(st.sampled_from((2, 4, 4, 8)), NUMBER), max_size=8).map(
    lambda fields: b"".join((value & ((1 << 8 * size) - 1)).to_bytes(size, "little") for size, value in fields)
)


@st.composite
def message(draw):
    """A message: right in its framing, mostly, and anything in the rest."""
    payload = draw(st.one_of(FIELDS, st.binary(max_size=64)))
    flags = draw(st.sampled_from((0, 0, 0, messages.NO_REPLY, messages.TYPE_REPLY)))
    data = bytearray(messages.encode(draw(st.integers(0, 0xFFFF)), draw(COMMAND), payload, flags))
    if draw(st.integers(0, 9)) == 0:
        data[4:8] = draw(st.binary(min_size=4, max_size=4))
    return bytes(data), draw(st.sampled_from((0, 0, 0, 1, 2)))


def survive(bench, pieces):
    """Send everything; whatever it was, the server still serves, and says at most one line about it."""
    said = len(bench.lines)
    client = bench.connect()
    client.version()
    fd = memfd(1 << 20)
    try:
        for data, fds in pieces:
            client.send(data, (fd,) * fds)
            bench.run(MILLISECOND // 20)
    except Gone:
        pass
    client.close()
    os.close(fd)
    lines = [line for line in bench.lines[said:] if not line.startswith("memory of the client was refused: ")]
    assert len(lines) == 2 and len(bench.lines) - said <= 3, bench.lines[said:]
    assert bench.memory.count == 0
    again = bench.connect()
    again.version()
    again.enable()
    assert again.read32(0x5400) == 0x12005452
    again.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    bench = Bench(tmp_path_factory.mktemp("garbage") / "nic.sock")
    yield bench
    bench.close()


@MANY
@given(st.lists(message(), max_size=12))
def test_any_messages(shared, pieces):
    before = open_descriptors()
    survive(shared, pieces)
    assert open_descriptors() == before


@MANY
@given(st.lists(st.tuples(st.binary(min_size=1, max_size=200), st.just(0)), max_size=4))
def test_any_bytes(shared, pieces):
    before = open_descriptors()
    survive(shared, pieces)
    assert open_descriptors() == before


def test_refusals_are_errnos(client):
    with pytest.raises(OSError) as error:
        client.call(messages.COMMANDS.index("MIG_DATA_READ"), bytes(8))
    assert error.value.errno == errno.EOPNOTSUPP
