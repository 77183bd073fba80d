"""A program that makes any system calls: the kernel answers each with a result or an errno and stays whole.

Nothing is raised in the kernel, nothing is written where the program may not be written, and when the program is gone
nothing of it is left.  An input is a list of records, one call each.  After a call that configures an interface the
machine is powered off instead, and its leak report must be empty.
"""

from hwemu.cpu import current_context, trap
from kernel.uapi.syscall import SYS_getpid, SYS_socketcall
from userland import libc

from .calls import PAGE, Machine, call_of, mutates
from .choices import Choices, mutate_records, records
from .kept import Kept
from .rig import MILLISECOND, Rig

LONGEST_INPUT = 1500
CALLS = 60
# How often a program that sleeps in a call is interrupted before it is killed.
PATIENCE = 12
TURN = 5 * MILLISECOND
READONLY = bytes(range(256)) * (PAGE // 256)
LARGEST_ERRNO = 200
MOST_DESCRIPTORS = 40

mutate = mutate_records


class Caller:
    """The program: makes the calls of an input in turn."""

    def __init__(self, pieces):
        self.pieces = pieces
        self.tainted = False
        self.wrong = []

    def __call__(self):
        libc.signal(libc.SIGUSR1, lambda signum: None)
        libc.signal(libc.SIGPIPE, libc.SIG_IGN)
        space = current_context().address_space
        memory = bytearray(PAGE)
        readonly = bytearray(READONLY)
        machine = Machine(space.map(memory, True), space.map(readonly, False), trap(SYS_getpid))
        for piece in self.pieces:
            found, values = call_of(Choices(piece), machine, memory)
            self.tainted = self.tainted or mutates(found, values)
            result = trap(found, *values)
            if not isinstance(result, int) or -LARGEST_ERRNO > result > -(1 << 31):
                self.wrong.append(f"system call {found} {values} gave {result!r}")
            self.learn(found, values, result, machine)
            if readonly != READONLY:
                self.wrong.append(f"system call {found} {values} wrote into a page that can only be read")
                return

    def learn(self, found, values, result, machine):
        """A small positive result of a call is, as far as the next calls care, a descriptor."""
        creates = found != SYS_socketcall or values[0] in (1, 5, 8, 18)
        if creates and 2 < result < MOST_DESCRIPTORS and result not in machine.fds:
            machine.fds.append(result)


BENCH = Kept(Rig)
recover = BENCH.recover


def snapshot(node, seen):
    """The inodes below a ramfs inode with their link counts, directories with their entries (others: None)."""
    if not node.is_dir() or not isinstance(node.i_private, dict):
        seen.append((node, None, node.i_nlink))
    else:
        seen.append((node, dict(node.i_private), node.i_nlink))
        for child in node.i_private.values():
            snapshot(child, seen)
    return seen


def check_links(root):
    """A directory's link count is that of its name, its "." and the ".." of each directory in it."""
    for _, entries, links in snapshot(root, []):
        if entries is None:
            assert links == 1, f"a file with one name has {links} links"
            continue
        inside = sum(child.is_dir() for child in entries.values())
        assert links == 2 + inside, f"a directory with {inside} others in it has {links} links"


def restore(saved):
    """Give every directory its old entries again, and what they name its old links."""
    for node, entries, links in saved:
        if entries is not None:
            node.i_private.clear()
            node.i_private.update(entries)
        node.i_nlink = links
    # The books of the file system follow: every input finds as much room as the first.
    root = saved[0][0].i_sb
    root.inodes = len(saved)
    root.used = sum(node.i_size for node, _, _ in saved if node.is_regular())


def run(data):
    """Let a program make the calls of `data` and look at what it leaves."""
    rig = BENCH.get()
    rig.peer.begin()
    caller = Caller(records(data)[:CALLS])
    saved = snapshot(rig.kernel.rootfs.root, [])
    rig.start(caller)
    process = rig.process
    for _ in range(PATIENCE):
        rig.run(TURN)
        if process.done:
            break
        rig.interrupt()
    rig.end()
    assert not caller.wrong, caller.wrong[:3]
    if caller.tainted:
        recover()
        rig.check_oops()
        rig.power_off()
        return
    check_links(rig.kernel.rootfs.root)
    restore(saved)
    # A raw socket sends whatever it likes.
    rig.peer.problems = []
    rig.check()
