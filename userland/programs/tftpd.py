"""tftpd: a TFTP server for one directory; every transfer runs in a task of its own.

`tftpd -x ...` is how it starts itself for one transfer: the request comes by standard input.
"""

from userland import libc
from userland.net.tftp_transfer import Transfer, TransferError
from userland.proto import tftp

USAGE = "tftpd [-cv] [-p PORT] [-s ADDRESS] [DIR]"
TIMEOUT = 1
TRIES = 5
# More transfers at once than this are not begun: their clients ask again.
MAX_TRANSFERS = 32


def main(argv):
    if argv[1:2] == ["-x"]:
        return transfer(argv[2:])
    try:
        options = libc.getopt(argv, "cvp:s:", USAGE)
        if len(options.operands) > 1:
            raise libc.UsageError(f"usage: {USAGE}")
        port = options.integer("p", tftp.PORT, 1, 65535)
        address = options.get("s", "0.0.0.0")
        if libc.inet_pton(libc.AF_INET, address) is None:
            raise libc.UsageError(f"'{address}' is not an address")
    except libc.UsageError as error:
        libc.eputs(f"tftpd: {error}")
        return 2
    root = options.operands[0] if options.operands else "."
    found = libc.stat(root)
    if found == -1 or not found.is_directory():
        libc.eputs(f"tftpd: {root}: {libc.strerror(libc.errno if found == -1 else libc.ENOTDIR)}")
        return 1
    fd = libc.socket(libc.AF_INET, libc.SOCK_DGRAM | libc.SOCK_CLOEXEC)
    if fd < 0 or libc.bind(fd, libc.sockaddr_in(address, port)) < 0:
        libc.perror(f"tftpd: port {port}")
        return 1
    return serve(fd, root, options)


def serve(fd, root, options):
    """Take requests until killed."""
    block = bytearray(tftp.MAX_REQUEST + 1)
    running = 0
    while True:
        while running and reaped():
            running -= 1
        peer = bytearray(16)
        count = libc.recvfrom(fd, block, -1, 0, peer)
        if count < 0:
            if libc.errno in (libc.EINTR, libc.ECONNREFUSED):
                continue
            libc.perror("tftpd: recvfrom")
            return 1
        request = tftp.parse_request(memoryview(block)[:count])
        if request is None:
            if count >= tftp.HEADER and tftp.opcode_of(block) != tftp.ERROR:
                libc.sendto(fd, tftp.error(tftp.ILLEGAL), -1, 0, peer)
            continue
        if options.has("v"):
            libc.eputs(f"{libc.peer_text(peer)} {'RRQ' if request.opcode == tftp.RRQ else 'WRQ'} {request.name}")
        if running < MAX_TRANSFERS and hand_over(bytes(block[:count]), peer, root, options.has("c")):
            running += 1


def reaped():
    result = libc.waitpid(-1, libc.WNOHANG)
    return result != -1 and result[0] > 0


def hand_over(packet, peer, root, create):
    """Start a task for the request; False when there is none to be had."""
    ends = libc.pipe(libc.O_CLOEXEC)
    if ends == -1:
        return False
    libc.write_all(ends[1], packet)
    libc.close(ends[1])
    host, port = libc.sockaddr_in_pair(peer)
    words = ["tftpd", "-x", root, host, str(port), "1" if create else "0"]
    pid = libc.spawn("/proc/self/exe", words, None, [(libc.SPAWN_DUP2, ends[0], 0)])
    libc.close(ends[0])
    return pid > 0


# --- one transfer ---


def transfer(words):
    root, host, port, create = words
    request = tftp.parse_request(libc.read_bytes(0, tftp.MAX_REQUEST))
    fd = libc.socket(libc.AF_INET, libc.SOCK_DGRAM)
    if request is None or fd < 0:
        return 1
    run = Transfer(fd, libc.sockaddr_in(host, int(port)), TIMEOUT, TRIES)
    run.fixed = True
    try:
        if request.mode != "octet":
            raise TransferError("only octet mode is supported", tftp.ILLEGAL)
        path = safe_path(root, request.name)
        if request.opcode == tftp.RRQ:
            send(run, request, path)
        else:
            receive(run, request, path, create == "1")
    except TransferError as problem:
        run.give_up(problem)
        return 1
    return 0


def safe_path(root, name):
    """The file below the root; names that climb out of it are refused."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts or not parts:
        raise TransferError("Access violation", tftp.ACCESS)
    return "/".join([root.rstrip("/") or "", *parts])


def agree(run, request, size):
    """The options that we take part in, with our values (RFC 2348, 2349)."""
    found = {}
    for name, value in request.options.items():
        if name == "blksize":
            wanted = tftp.number(value, tftp.MIN_BLOCK, 1 << 30)
            if wanted > 0:
                run.block = min(wanted, tftp.MAX_BLOCK)
                found[name] = str(run.block)
        elif name == "timeout":
            wanted = tftp.number(value, 1, 255)
            if wanted > 0:
                run.timeout = wanted
                found[name] = value
        elif name == "tsize":
            found[name] = str(size) if request.opcode == tftp.RRQ else value
    return found


def failure(path):
    number = libc.errno
    if number == libc.ENOENT:
        return TransferError("File not found", tftp.NOT_FOUND)
    if number in (libc.ENOSPC, libc.EFBIG):
        return TransferError("Disk full", tftp.DISK_FULL)
    return TransferError(libc.strerror(number), tftp.ACCESS)


def send(run, request, path):
    found = libc.stat(path)
    if found == -1:
        raise failure(path)
    if found.st_mode & libc.S_IFMT != libc.S_IFREG:
        raise TransferError("Access violation", tftp.ACCESS)
    file = libc.open(path)
    if file < 0:
        raise failure(path)
    options = agree(run, request, found.st_size)

    def acknowledged(packet):
        return True if tftp.opcode_of(packet) == tftp.ACK and tftp.block_of(packet) == 0 else None

    try:
        if options:
            run.exchange(tftp.oack(options), acknowledged)
        run.send_file(file)
    finally:
        libc.close(file)


def receive(run, request, path, create):
    """Only files that exist may be written, unless -c was given."""
    flags = libc.O_WRONLY | libc.O_TRUNC | (libc.O_CREAT if create else 0)
    file = libc.open(path, flags)
    if file < 0:
        raise failure(path)
    options = agree(run, request, 0)
    try:
        run.receive_file(file, tftp.oack(options) if options else tftp.ack(0))
    finally:
        libc.close(file)
