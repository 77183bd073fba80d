"""stty: shows and changes the settings of the terminal that is standard input (or `-F DEVICE`)."""

from userland import libc

USAGE = "stty [-F DEVICE] [-a | -g | SETTING ...]"
CHARACTERS = {
    "intr": libc.VINTR, "quit": libc.VQUIT, "erase": libc.VERASE, "kill": libc.VKILL, "eof": libc.VEOF, "eol": libc.VEOL,
    "eol2": libc.VEOL2, "start": libc.VSTART, "stop": libc.VSTOP, "susp": libc.VSUSP, "rprnt": libc.VREPRINT,
    "werase": libc.VWERASE, "lnext": libc.VLNEXT,
}  # fmt: skip
NUMBERS = {"min": libc.VMIN, "time": libc.VTIME}
# The flags by the words that the member of struct termios has for them, in the order of -a.
FLAGS = {
    "c_cflag": {"parenb": libc.PARENB, "hupcl": libc.HUPCL, "cread": libc.CREAD, "clocal": libc.CLOCAL},
    "c_iflag": {
        "ignbrk": libc.IGNBRK, "brkint": libc.BRKINT, "parmrk": libc.PARMRK, "istrip": libc.ISTRIP, "inlcr": libc.INLCR,
        "igncr": libc.IGNCR, "icrnl": libc.ICRNL, "ixon": libc.IXON, "iuclc": libc.IUCLC, "ixany": libc.IXANY,
        "iutf8": libc.IUTF8,
    },
    "c_oflag": {
        "opost": libc.OPOST, "olcuc": libc.OLCUC, "ocrnl": libc.OCRNL, "onlcr": libc.ONLCR, "onocr": libc.ONOCR,
        "onlret": libc.ONLRET,
    },
    "c_lflag": {
        "isig": libc.ISIG, "icanon": libc.ICANON, "iexten": libc.IEXTEN, "echo": libc.ECHO, "echoe": libc.ECHOE,
        "echok": libc.ECHOK, "echonl": libc.ECHONL, "noflsh": libc.NOFLSH, "tostop": libc.TOSTOP, "echoprt": libc.ECHOPRT,
        "echoctl": libc.ECHOCTL, "echoke": libc.ECHOKE, "extproc": libc.EXTPROC,
    },
}  # fmt: skip
SPEEDS = dict(enumerate((0, 50, 75, 110, 134, 150, 200, 300, 600, 1200, 1800, 2400, 4800, 9600, 19200, 38400)))
# What `sane` makes of a terminal.
SANE = (
    ("c_cflag", libc.CREAD | libc.CS8, 0),
    (
        "c_iflag",
        libc.ICRNL | libc.IXON | libc.BRKINT,
        libc.INLCR | libc.IGNCR | libc.ISTRIP | libc.IUCLC | libc.IXANY | libc.PARMRK,
    ),
    ("c_oflag", libc.OPOST | libc.ONLCR, libc.OLCUC | libc.OCRNL | libc.ONOCR | libc.ONLRET | libc.TABDLY),
    (
        "c_lflag",
        libc.ISIG | libc.ICANON | libc.IEXTEN | libc.ECHO | libc.ECHOE | libc.ECHOK | libc.ECHOCTL | libc.ECHOKE,
        libc.ECHONL | libc.NOFLSH | libc.TOSTOP | libc.ECHOPRT | libc.EXTPROC,
    ),
)  # fmt: skip
SANE_CHARACTERS = {
    "intr": 3, "quit": 28, "erase": 127, "kill": 21, "eof": 4, "eol": 0, "eol2": 0, "start": 17, "stop": 19, "susp": 26,
    "rprnt": 18, "werase": 23, "lnext": 22,
}  # fmt: skip


def character_name(byte):
    """A control character as stty shows it: ^C, ^?, <undef>."""
    if byte == 0:
        return "<undef>"
    if byte < 32 or byte == 127:
        return "^" + chr(byte ^ 64)
    return chr(byte) if byte < 128 else "M-" + character_name(byte - 128)


def character_of(word):
    """The byte that a word like ^C, ^?, undef, x or a number stands for."""
    if word in ("undef", "^-", "<undef>"):
        return 0
    if len(word) == 2 and word[0] == "^":
        return ord(word[1].upper()) ^ 64 & 0x7F
    if len(word) == 1:
        return ord(word) & 0xFF
    return number_of(word) & 0xFF


def number_of(word):
    try:
        return int(word, 0)
    except ValueError:
        raise libc.UsageError(f"invalid integer argument: '{word}'") from None


def show(settings, fd, everything):
    """What -a prints, or only what differs from `sane`."""
    speed = SPEEDS.get(libc.cfgetospeed(settings), 0)
    lines = []
    if everything:
        size = libc.get_winsize(fd)
        rows, columns = size[:2] if size != -1 else (0, 0)
        lines.append(f"speed {speed} baud; rows {rows}; columns {columns}; line = {settings.c_line};")
    else:
        lines.append(f"speed {speed} baud; line = {settings.c_line};")
    characters = [
        f"{name} = {character_name(settings.c_cc[index])};"
        for name, index in CHARACTERS.items()
        if everything or settings.c_cc[index] != SANE_CHARACTERS[name]
    ]
    if everything or not settings.c_lflag & libc.ICANON:
        characters += [f"{name} = {settings.c_cc[index]};" for name, index in NUMBERS.items()]
    lines += [" ".join(characters[start : start + 7]) for start in range(0, len(characters), 7)]
    sane = {member: (on, off) for member, on, off in SANE}
    for member, names in FLAGS.items():
        value = getattr(settings, member)
        on, off = sane[member]
        words = [
            ("" if value & bit else "-") + name
            for name, bit in names.items()
            if everything or (bit & on and not value & bit) or (bit & off and value & bit)
        ]
        if member == "c_cflag" and everything:
            words.insert(1, "cs8")
        if words:
            lines.append(" ".join(words))
    libc.puts("\n".join(lines))


def saved_form(settings):
    """What -g prints: hexadecimal words, for `stty` to take again."""
    words = [settings.c_iflag, settings.c_oflag, settings.c_cflag, settings.c_lflag, *settings.c_cc]
    return ":".join(f"{word:x}" for word in words)


def restore(settings, word):
    """Take over what -g has printed."""
    try:
        values = [int(part, 16) for part in word.split(":")]
    except ValueError:
        values = []
    if len(values) != 4 + len(settings.c_cc):
        raise libc.UsageError(f"invalid argument '{word}'")
    settings.c_iflag, settings.c_oflag, settings.c_cflag, settings.c_lflag = values[:4]
    settings.c_cc[:] = bytes(value & 0xFF for value in values[4:])


def set_flags(settings, member, on, off):
    setattr(settings, member, getattr(settings, member) & ~off | on)


def combination(settings, word):
    """sane, raw, cooked, cbreak, and their opposites: True for such a word."""
    if word == "sane":
        for member, on, off in SANE:
            set_flags(settings, member, on, off)
        for name, byte in SANE_CHARACTERS.items():
            settings.c_cc[CHARACTERS[name]] = byte
    elif word in ("raw", "-cooked"):
        libc.cfmakeraw(settings)
        settings.c_lflag |= libc.ECHO if word == "raw" else 0
    elif word in ("-raw", "cooked"):
        set_flags(settings, "c_iflag", libc.BRKINT | libc.ICRNL | libc.IXON, 0)
        set_flags(settings, "c_oflag", libc.OPOST, 0)
        set_flags(settings, "c_lflag", libc.ISIG | libc.ICANON, 0)
    elif word in ("cbreak", "-cbreak"):
        set_flags(settings, "c_lflag", *((0, libc.ICANON) if word == "cbreak" else (libc.ICANON, 0)))
    elif word in ("nl", "-nl"):
        set_flags(settings, "c_iflag", *((0, libc.ICRNL) if word == "nl" else (libc.ICRNL, 0)))
        set_flags(settings, "c_oflag", *((0, libc.ONLCR) if word == "nl" else (libc.ONLCR, 0)))
    elif word in ("tabs", "-tabs", "tab0", "tab3"):
        set_flags(settings, "c_oflag", libc.XTABS if word in ("-tabs", "tab3") else 0, libc.TABDLY)
    else:
        return False
    return True


def change(settings, fd, words):
    """Carry out the settings; UsageError for one that there is not."""
    while words:
        word = words.pop(0)
        name = word.removeprefix("-")
        member = next((member for member, names in FLAGS.items() if name in names), None)
        if member is not None:
            bit = FLAGS[member][name]
            set_flags(settings, member, *((0, bit) if word.startswith("-") else (bit, 0)))
        elif combination(settings, word):
            continue
        elif word == "size":
            rows, columns = (libc.get_winsize(fd) + (0, 0))[:2]
            libc.puts(f"{rows} {columns}")
        elif word == "speed":
            libc.puts(str(SPEEDS.get(libc.cfgetospeed(settings), 0)))
        elif ":" in word:
            restore(settings, word)
        elif word.isdigit() and int(word) in SPEEDS.values():
            libc.cfsetspeed(settings, next(index for index, speed in SPEEDS.items() if speed == int(word)))
        elif word in (*CHARACTERS, *NUMBERS, "rows", "cols", "columns"):
            if not words:
                raise libc.UsageError(f"missing argument to '{word}'")
            change_value(settings, fd, word, words.pop(0))
        else:
            raise libc.UsageError(f"invalid argument '{word}'")


def change_value(settings, fd, word, value):
    """A setting that has a value."""
    if word in CHARACTERS:
        settings.c_cc[CHARACTERS[word]] = character_of(value)
    elif word in NUMBERS:
        settings.c_cc[NUMBERS[word]] = number_of(value) & 0xFF
    else:
        rows, columns = libc.get_winsize(fd)[:2]
        number = number_of(value) & 0xFFFF
        libc.set_winsize(fd, *((number, columns) if word == "rows" else (rows, number)))


def main(argv):
    words = argv[1:]
    fd = 0
    try:
        if words[:1] == ["--help"] or words == ["-F"]:
            raise libc.UsageError(f"usage: {USAGE}")
        if words[:1] == ["-F"]:
            fd = libc.open(words[1], libc.O_RDWR | libc.O_NONBLOCK | libc.O_NOCTTY)
            if fd < 0:
                libc.perror(f"stty: {words[1]}")
                return 1
            words = words[2:]
        settings = libc.tcgetattr(fd)
        if settings is None:
            libc.perror("stty: standard input")
            return 1
        if words in ([], ["-a"]):
            show(settings, fd, words == ["-a"])
        elif words == ["-g"]:
            libc.puts(saved_form(settings))
        else:
            change(settings, fd, words)
            if libc.tcsetattr(fd, libc.TCSADRAIN, settings) < 0:
                libc.perror("stty: standard input")
                return 1
    except libc.UsageError as error:
        libc.eputs(f"stty: {error}")
        return 2
    return 0
