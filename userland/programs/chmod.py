"""chmod: changes the modes of files."""

from userland import libc
from userland.text.files import options_of

USAGE = "chmod MODE FILE ..."
WHO = {"u": 0o700, "g": 0o070, "o": 0o007, "a": 0o777}
WHAT = {"r": 0o444, "w": 0o222, "x": 0o111}


def new_mode(text, mode, directory=False):
    """The mode that `755` or `u+x,go=r` makes of `mode`, or -1 when the text is none."""
    if text and all(char in "01234567" for char in text):
        return int(text, 8) if int(text, 8) <= 0o7777 else -1
    for clause in text.split(","):
        at = next((index for index, char in enumerate(clause) if char in "+-="), -1)
        if at < 0 or any(char not in WHO for char in clause[:at]):
            return -1
        who = 0
        for char in clause[:at] or "a":
            who |= WHO[char]
        bits = 0
        for char in clause[at + 1 :]:
            if char == "X":
                bits |= 0o111 if directory or mode & 0o111 else 0
            elif char in WHAT:
                bits |= WHAT[char]
            else:
                return -1
        bits &= who
        mode = mode | bits if clause[at] == "+" else mode & ~bits if clause[at] == "-" else (mode & ~who) | bits
    return mode & 0o7777


def main(argv):
    # A mode may begin with a minus.
    words = ["--", *argv[1:]] if len(argv) > 1 and argv[1][:1] == "-" and argv[1] != "--help" else argv[1:]
    options = options_of("chmod", ["chmod", *words], "", USAGE, 2)
    if options is None:
        return 2
    status = 0
    for name in options.operands[1:]:
        found = libc.stat(name)
        mode = new_mode(options.operands[0], found.st_mode & 0o7777 if found != -1 else 0, found != -1 and found.is_directory())
        if mode < 0:
            libc.eputs(f"chmod: invalid mode: '{options.operands[0]}'")
            return 1
        if found == -1 or libc.chmod(name, mode) < 0:
            libc.perror(f"chmod: cannot access '{name}'")
            status = 1
    return status
