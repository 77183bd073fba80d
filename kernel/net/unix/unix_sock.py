"""The sock of AF_UNIX, and the tables in which others find it by name: `unix_domain`, one for a kernel.

A name is what follows the family in a sockaddr_un: a path with its NUL, or a NUL and any bytes (an abstract name).
"""

from kernel.fs import namei
from kernel.fs.file import fput
from kernel.fs.inode import MAY_WRITE, inode_permission
from kernel.net.core.skbuff import page_frag
from kernel.net.core.sock import proto, sock
from kernel.net.unix.scm import NO_CRED, detach_fds
from kernel.sched.wait import wait_queue_head
from kernel.uapi.errno import EACCES, EADDRINUSE, ECONNREFUSED, EEXIST, EINVAL, ENOSPC, EPROTOTYPE
from kernel.uapi.poll import POLLOUT, POLLWRBAND, POLLWRNORM
from kernel.uapi.socket import (
    AF_UNIX,
    SOCK_SEQPACKET,
    SOCK_STREAM,
    SS_CONNECTED,
    SS_CONNECTING,
    SS_UNCONNECTED,
)
from kernel.uapi.stat import S_IFSOCK
from kernel.uapi.tcp import TCP_ESTABLISHED, TCP_LISTEN

FAMILY = AF_UNIX.to_bytes(2, "little")
UNIX_PATH_MAX = 108
SOCKADDR_UN_SIZE = 2 + UNIX_PATH_MAX
SOCKET_MODE = 0o777
AUTOBIND_NAMES = 1 << 20
SO_ACCEPTCON = 1 << 16
# Sizes of x86-64: a page, a cache line, what describes an sk_buff's data, and an sk_buff.
PAGE_SIZE, CACHE_LINE, SHARED_INFO, SK_BUFF = 4096, 64, 320, 256


class unix_sock(sock):
    """One socket; `peer` is the sock that it is connected to, which stays known after its end.

    `name` is its own (empty while it has none), `node` the inode of a name in a file system.  `peer_wait` is for those
    that wait until its receive queue is no longer full.  How far the first sk_buff of a stream has been read is kept in
    the sk_buff's cb0, its `unix_skb_parms` in cb.
    """

    def __init__(self, net, family, type, protocol, prot):
        sock.__init__(self, net, family, type, protocol, prot)
        self.domain = net.unix_domain
        self.peer = None
        self.name = b""
        self.node = None
        self.frag = page_frag()
        self.peer_wait = wait_queue_head()
        self.peer_cred = NO_CRED
        self.oob_skb = None
        self.sk_max_ack_backlog = self.domain.max_dgram_qlen
        self.domain.socks[self] = None

    def write_space(self):
        """What the peer has read makes room for us."""
        if self.sk_wq.first is not None and self.sk_wmem_alloc << 2 <= self.sk_sndbuf:
            self.sk_wq.wake_up(POLLOUT | POLLWRNORM | POLLWRBAND, 1)

    def writable(self):
        """Whether poll says that there is room to write."""
        return self.sk_state != TCP_LISTEN and self.sk_wmem_alloc << 2 <= self.sk_sndbuf

    def queue_full(self):
        """Whether nothing more may be queued for this sock: connections or datagrams."""
        return self.sk_receive_queue.qlen > self.sk_max_ack_backlog

    def make_room(self):
        """Something has left the receive queue: those who wait for that try again."""
        if self.peer_wait.first is not None:
            self.peer_wait.wake_up_all(POLLOUT | POLLWRNORM | POLLWRBAND)

    def address(self):
        """The sockaddr_un bytes of its name."""
        return FAMILY + self.name

    def destruct(self):
        """Nobody uses the sock any more; what waits in its queue is lost, descriptors in it are put."""
        lost = []
        for skb in self.sk_receive_queue:
            lost += detach_fds(self.domain, skb)
        sock.destruct(self)
        self.oob_skb = None
        del self.domain.socks[self]
        self.domain.put_files(lost)


class unix_proto(proto):
    """Makes unix socks."""

    def __init__(self):
        proto.__init__(self, "UNIX")

    def sk_alloc(self, net, family, type, protocol):
        return unix_sock(net, family, type, protocol, self)


class unix_domain:
    """The unix sockets of one kernel.

    `abstract` maps types and names, `by_inode` the inodes of names in file systems to socks; `socks` has all of them in order of
    their making; `inflight` counts for each socket's file how many messages carry it.
    """

    def __init__(self, net):
        self.net = net
        self.proto = unix_proto()
        self.ops = {}
        self.abstract = {}
        self.by_inode = {}
        self.socks = {}
        self.inflight = {}
        self.lost = []
        self.putting = False
        self.max_dgram_qlen = 10

    def set_dgram_qlen(self, value):
        """net.unix.max_dgram_qlen, for the sockets that are made from now on."""
        if not 0 <= value <= 0x7FFFFFFF:
            return -EINVAL
        self.max_dgram_qlen = value
        return 0

    # --- names ---

    def bind(self, sk, name):
        """Give `sk` a name: 0, -EADDRINUSE, -EINVAL when it has one, or what making a file answers."""
        if name[:1] == b"\0":
            if sk.name:
                return -EINVAL
            if (sk.sk_type, name) in self.abstract:
                return -EADDRINUSE
            self.abstract[(sk.sk_type, name)] = sk
            sk.name = name
            return 0
        fs = self.net.sched.current.fs
        path = name.split(b"\0", 1)[0]
        mode = S_IFSOCK | SOCKET_MODE & ~fs.umask
        text = path.decode("utf-8", "surrogateescape")
        node = namei.make_entry(fs, text, "mknod", mode, 0)
        if isinstance(node, int):
            return -EADDRINUSE if node == -EEXIST else node
        if sk.name:
            namei.remove_entry(fs, text, False)
            return -EINVAL
        self.by_inode[node] = sk
        sk.node = node
        sk.name = path + b"\0"
        return 0

    def autobind(self, sk):
        """Give `sk` an abstract name of five hexadecimal digits, unless it has one; -ENOSPC when all are taken."""
        if sk.name:
            return 0
        number = self.net.random.getrandbits(20)
        for _ in range(AUTOBIND_NAMES):
            name = b"\0%05x" % number
            if (sk.sk_type, name) not in self.abstract:
                return self.bind(sk, name)
            number = (number + 1) % AUTOBIND_NAMES
        return -ENOSPC

    def unbind(self, sk):
        """The sock's name is free again; a file in a file system stays, but leads nowhere."""
        if sk.node is not None:
            self.by_inode.pop(sk.node, None)
            sk.node = None
        elif self.abstract.get((sk.sk_type, sk.name)) is sk:
            del self.abstract[(sk.sk_type, sk.name)]

    def find(self, name, type):
        """The sock of a name, or a negative errno."""
        if name[:1] == b"\0":
            found = self.abstract.get((type, name))
        else:
            task = self.net.sched.current
            entry = namei.path_lookup(task.fs, name.split(b"\0", 1)[0].decode("utf-8", "surrogateescape"))
            if isinstance(entry, int):
                return entry
            if not inode_permission(task, entry.inode, MAY_WRITE):
                return -EACCES
            found = self.by_inode.get(entry.inode)
        if found is None:
            return -ECONNREFUSED
        return found if found.sk_type == type else -EPROTOTYPE

    # --- descriptors on their way ---

    def put_files(self, files):
        """Put files that no message carries any more.  A socket among them may end and with it what its messages carry."""
        self.lost += files
        if self.putting:
            return
        self.putting = True
        while self.lost:
            fput(self.lost.pop())
        self.putting = False

    def take_off(self, filp):
        """A message carries the file from now on."""
        if is_unix_file(filp):
            self.inflight[filp] = self.inflight.get(filp, 0) + 1

    def landed(self, filp):
        """A message carries the file no longer."""
        count = self.inflight.get(filp, 0)
        if count > 1:
            self.inflight[filp] = count - 1
        elif count:
            del self.inflight[filp]

    # --- /proc/net/unix ---

    def show(self):
        """The text of /proc/net/unix; addresses of the kernel are not told."""
        lines = ["Num       RefCount Protocol Flags    Type St Inode Path\n"]
        for sk in self.socks:
            connected = sk.sk_state == TCP_ESTABLISHED
            number = 0
            if sk.sk_socket is not None:
                number = sk.sk_socket.inode or 0
                state = SS_CONNECTED if connected else SS_UNCONNECTED
            else:
                state = SS_CONNECTING
            flags = SO_ACCEPTCON if sk.sk_state == TCP_LISTEN else 0
            references = 3 if connected else 2
            head = f"{0:016x}: {references:08X} {0:08X} {flags:08X} {sk.sk_type:04X} {state:02X} {number:5d}"
            lines.append(head + (" " + shown(sk.name) if sk.name else "") + "\n")
        return "".join(lines)


def unix_truesize(size, linear):
    """What a message of `size` bytes takes of its sender's buffer, as Linux counts (SIOCOUTQ shows it).

    At most `linear` bytes lie in a piece of memory with what describes them, which is a power of two; the rest in pages.
    """
    paged = -(-max(0, size - linear) // PAGE_SIZE) * PAGE_SIZE
    head = (max(0, size - paged) + CACHE_LINE - 1 & -CACHE_LINE) + SHARED_INFO
    return SK_BUFF + (1 << (head - 1).bit_length()) + paged


def is_unix_file(filp):
    """True for the open file of a unix socket."""
    holder = filp.private_data
    return filp.path.startswith("socket:") and isinstance(holder.sk, unix_sock)


def shown(name):
    """A name as /proc/net/unix has it: NULs of abstract names are at signs."""
    if name[:1] == b"\0":
        return name.replace(b"\0", b"@").decode("utf-8", "surrogateescape")
    return name[:-1].decode("utf-8", "surrogateescape")


def parse_address(addr):
    """The name in the bytes of a sockaddr_un, or -EINVAL."""
    if len(addr) <= 2 or len(addr) > SOCKADDR_UN_SIZE or addr[:2] != FAMILY:
        return -EINVAL
    return addr[2:]


def connection_based(sk):
    """True for the types that have connections."""
    return sk.sk_type in (SOCK_STREAM, SOCK_SEQPACKET)


def may_send(sk, other):
    """Whether `other` takes datagrams from `sk`: it is connected to nobody else."""
    return other.peer is None or other.peer is sk
