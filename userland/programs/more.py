"""more: shows text a page at a time on a terminal."""

from userland import libc
from userland.text.files import Files, options_of

USAGE = "more [FILE ...]"
MARK = "--More--"


def main(argv):
    options = options_of("more", argv, "", USAGE)
    if options is None:
        return 2
    files = Files("more", options.operands)
    if not libc.isatty(1):
        for chunk in files.blocks():
            libc.write_all(1, chunk)
        return files.status
    keyboard = libc.open("/dev/tty")
    saved = libc.tcgetattr(keyboard) if keyboard >= 0 else None
    if saved is not None:
        raw = libc.tcgetattr(keyboard)
        raw.c_lflag &= ~(libc.ICANON | libc.ECHO)
        raw.c_cc[libc.VMIN] = 1
        libc.tcsetattr(keyboard, libc.TCSADRAIN, raw)
    rows, columns = libc.window_size(1)
    left = rows - 1
    for line in files.lines():
        needed = max(1, -(-len(line.rstrip(b"\n")) // columns))
        if left < needed and saved is not None:
            left = wait(keyboard, rows)
            if left == 0:
                break
        libc.write_all(1, line)
        left -= needed
    if saved is not None:
        libc.tcsetattr(keyboard, libc.TCSADRAIN, saved)
    return files.status


def wait(keyboard, rows):
    """How many rows the key that was pressed stands for; 0 to stop."""
    libc.fputs(MARK)
    while True:
        key = libc.read_bytes(keyboard, 1)
        if key == -1 and libc.errno == libc.EINTR:
            continue
        libc.fputs("\r" + " " * len(MARK) + "\r")
        if key == -1 or not key or key in (b"q", b"Q", b"\x03"):
            return 0
        return 1 if key in (b"\n", b"\r") else rows - 1
