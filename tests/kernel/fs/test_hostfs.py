"""A folder of the host under /host: readable, not writable, and nothing outside it."""

import os

import pytest
from system import System

from userland import libc


@pytest.fixture
def folder(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("not for the guest")
    share = tmp_path / "share"
    share.mkdir()
    (share / "hello.txt").write_text("hello from the host\n")
    (share / "big").write_bytes(bytes(range(256)) * 4096)
    (share / "sub").mkdir()
    (share / "sub" / "inner").write_text("inner")
    (share / "inside").symlink_to("sub/inner")
    (share / "up").symlink_to("../secret")
    (share / "absolute").symlink_to(str(secret))
    (share / "dirlink").symlink_to("..")
    os.mkfifo(share / "fifo")
    return share


def run(folder, init):
    system = System(share=str(folder))
    assert system.run(init) == 0, system.text + system.log
    return system


def failed(result, errno):
    return result == -1 and libc.get_errno() == errno


def test_reading(folder):
    def init(argv):
        assert libc.read_file("/host/hello.txt") == b"hello from the host\n"
        assert libc.listdir("/host") == ["absolute", "big", "dirlink", "hello.txt", "inside", "sub", "up"]
        fd = libc.open("/host/big")
        buffer = bytearray(1 << 20)
        assert libc.read(fd, buffer) == 1 << 20
        assert buffer == bytes(range(256)) * 4096
        assert libc.read(fd, buffer) == 0
        assert libc.lseek(fd, -1, libc.SEEK_END) == (1 << 20) - 1
        assert libc.read_bytes(fd, 9) == b"\xff"
        libc.lseek(fd, 254)
        parts = [bytearray(1), bytearray(3)]
        assert libc.readv(fd, parts) == 4
        assert b"".join(parts) == b"\xfe\xff\x00\x01"
        assert libc.stat("/host/big").st_size == 1 << 20
        assert libc.stat("/host/sub").st_mode & libc.S_IFMT == libc.S_IFDIR
        assert libc.read_file("/host/inside") == b"inner"
        assert libc.chdir("/host/sub") == 0 and libc.getcwd() == "/host/sub"
        assert libc.read_file("../hello.txt")[:5] == b"hello"

    run(folder, init)


def test_nothing_is_written(folder):
    def init(argv):
        assert failed(libc.open("/host/hello.txt", libc.O_RDWR), libc.EROFS)
        assert failed(libc.open("/host/new", libc.O_WRONLY | libc.O_CREAT), libc.EROFS)
        assert failed(libc.open("/host/hello.txt", libc.O_WRONLY | libc.O_TRUNC), libc.EROFS)
        assert failed(libc.mkdir("/host/new"), libc.EROFS)
        assert failed(libc.unlink("/host/hello.txt"), libc.EROFS)
        assert failed(libc.rename("/host/hello.txt", "/host/x"), libc.EROFS)
        assert failed(libc.rmdir("/host/sub"), libc.EROFS)

    run(folder, init)
    assert (folder / "hello.txt").read_text() == "hello from the host\n"


def test_nothing_outside_is_reached(folder):
    def init(argv):
        for path in ("/host/up", "/host/absolute", "/host/../secret", "/host/dirlink/secret", "/host/sub/../../secret"):
            assert failed(libc.open(path), libc.ENOENT), path
        # A link to the parent leads to the guest's own root.
        assert "proc" in libc.listdir("/host/dirlink")
        assert failed(libc.open("/host/fifo"), libc.EACCES)
        assert failed(libc.open("/host/none"), libc.ENOENT)
        assert failed(libc.open("/host/hello.txt/x"), libc.ENOTDIR)

    run(folder, init)


def test_a_link_swapped_in_after_the_lookup_is_not_followed(folder):
    def init(argv):
        assert libc.chdir("/host/sub") == 0
        (folder / "sub").rename(folder / "old")
        (folder / "sub").symlink_to(folder.parent)
        assert libc.open("secret") == -1
        assert libc.get_errno() in (libc.ENOTDIR, libc.ELOOP)

    run(folder, init)


def test_a_shared_program_runs(folder):
    script = folder / "program.py"
    script.write_text("def main(argv):\n    return 11\n")
    script.chmod(0o755)

    def init(argv):
        return libc.shell_status(libc.waitpid(libc.spawn("/host/program.py", ["p"]))[1]) - 11

    run(folder, init)


def test_descriptors_of_the_host_are_given_back(folder):
    before = len(os.listdir("/proc/self/fd"))

    def init(argv):
        for _ in range(50):
            libc.read_file("/host/inside")
            libc.open("/host/fifo")
            libc.open("/host/none")
            libc.listdir("/host/sub")
        libc.open("/host/hello.txt")

    run(folder, init)
    assert len(os.listdir("/proc/self/fd")) == before
