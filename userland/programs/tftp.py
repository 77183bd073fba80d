"""tftp: fetches a file from a TFTP server, or stores one there, in the manner of busybox."""

from userland import libc
from userland.net.tftp_transfer import Transfer, TransferError
from userland.proto import tftp

USAGE = "tftp -g|-p [-l LOCAL] [-r REMOTE] [-b BLOCKSIZE] HOST [PORT]"
TIMEOUT = 1
TRIES = 6


def main(argv):
    try:
        options = libc.getopt(argv, "gpl:r:b:", USAGE)
        if not 1 <= len(options.operands) <= 2 or options.has("g") == options.has("p"):
            raise libc.UsageError(f"usage: {USAGE}")
        local, remote = options.get("l"), options.get("r")
        if local is None and remote is None:
            raise libc.UsageError(f"a file is needed: -l or -r (usage: {USAGE})")
        local = remote.rpartition("/")[2] if local is None else local
        remote = local if remote is None else remote
        size = options.integer("b", tftp.BLOCK, tftp.MIN_BLOCK, tftp.MAX_BLOCK)
        port = options.operands[1] if len(options.operands) == 2 else "69"
        code, found = libc.getaddrinfo(options.operands[0], port, libc.AF_INET, libc.SOCK_DGRAM)
        if code:
            raise libc.UsageError(f"{options.operands[0]}: {libc.gai_strerror(code)}")
    except libc.UsageError as error:
        libc.eputs(f"tftp: {error}")
        return 2
    getting = options.has("g")
    flags = libc.O_WRONLY | libc.O_CREAT | libc.O_TRUNC if getting else libc.O_RDONLY
    if local == "-":
        file = libc.STDOUT_FILENO if getting else libc.STDIN_FILENO
    else:
        file = libc.open(local, flags)
    if file < 0:
        libc.perror(f"tftp: {local}")
        return 1
    fd = libc.socket(libc.AF_INET, libc.SOCK_DGRAM)
    if fd < 0:
        libc.perror("tftp: socket")
        return 1
    transfer = Transfer(fd, found[0].ai_addr, TIMEOUT, TRIES)
    try:
        if getting:
            get(transfer, remote, file, size)
        else:
            put(transfer, remote, file, size)
    except TransferError as problem:
        transfer.give_up(problem)
        libc.eputs(f"tftp: {problem}")
        return 1
    finally:
        libc.close(fd)
        if file > libc.STDERR_FILENO:
            libc.close(file)
    return 0


def wanted_options(size, length):
    options = {"tsize": str(length)}
    if size != tftp.BLOCK:
        options["blksize"] = str(size)
    return options


def accept_options(transfer, asked, answered):
    """What the server agreed to; anything that was not asked for ends the transfer (RFC 2347)."""
    if answered is None or any(name not in asked for name in answered):
        raise TransferError("the server answered with options that were not asked for", tftp.BAD_OPTIONS)
    if "blksize" in answered:
        size = tftp.number(answered["blksize"], tftp.MIN_BLOCK, int(asked["blksize"]))
        if size < 0:
            raise TransferError("the server chose a block size that can not be", tftp.BAD_OPTIONS)
        transfer.block = size


def get(transfer, remote, file, size):
    asked = wanted_options(size, 0)

    def first(packet):
        code = tftp.opcode_of(packet)
        if code == tftp.OACK:
            return code, tftp.parse_oack(packet)
        if code == tftp.DATA and tftp.block_of(packet) == 1:
            return code, bytes(packet[tftp.HEADER : tftp.HEADER + tftp.BLOCK])
        return None

    code, content = transfer.exchange(tftp.request(tftp.RRQ, remote, asked), first)
    if code == tftp.OACK:
        accept_options(transfer, asked, content)
        transfer.receive_file(file, tftp.ack(0))
    else:
        transfer.receive_file(file, b"", content)


def put(transfer, remote, file, size):
    found = libc.fstat(file)
    asked = wanted_options(size, found.st_size if found != -1 and found.st_mode & libc.S_IFMT == libc.S_IFREG else 0)

    def first(packet):
        code = tftp.opcode_of(packet)
        if code == tftp.OACK:
            return (tftp.parse_oack(packet),)
        return ({},) if code == tftp.ACK and tftp.block_of(packet) == 0 else None

    (answered,) = transfer.exchange(tftp.request(tftp.WRQ, remote, asked), first)
    accept_options(transfer, asked, answered)
    transfer.send_file(file)
