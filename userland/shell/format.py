"""printf and echo: backslash escapes and conversions (POSIX.1-2017 XCU echo, printf)."""

ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\"}
MAX_WIDTH = 10000


def unescape(text, zero_octal):
    """(the text with its escapes replaced, whether \\c ended it).  With `zero_octal` octal numbers begin with \\0."""
    out = bytearray()
    position = 0
    while position < len(text):
        char = text[position]
        following = text[position + 1 : position + 2]
        if char != "\\" or not following:
            out += char.encode("utf-8", "surrogateescape")
            position += 1
        elif following == "c" and zero_octal:
            return out.decode("utf-8", "surrogateescape"), True
        elif following in ESCAPES:
            out += ESCAPES[following].encode()
            position += 2
        elif following in "01234567":
            start = position + (2 if zero_octal and following == "0" else 1)
            end = start
            while end < len(text) and end < start + 3 and text[end] in "01234567":
                end += 1
            out.append(int(text[start:end] or "0", 8) & 0xFF)
            position = end
        else:
            out += b"\\"
            position += 1
    return out.decode("utf-8", "surrogateescape"), False


def echo_text(words):
    """What echo prints: escapes count, -n leaves the newline away."""
    newline = words[:1] != ["-n"]
    text, ended = unescape(" ".join(words if newline else words[1:]), True)
    return text if ended or not newline else text + "\n"


def integer(text, problems):
    """A number as printf reads it: decimal, octal, hexadecimal, or 'X for a character's code."""
    if not text:
        return 0
    if text[0] in "'\"":
        return ord(text[1]) if len(text) > 1 else 0
    stripped = text.strip()
    sign = -1 if stripped.startswith("-") else 1
    digits = stripped[1:] if stripped[:1] in ("-", "+") else stripped
    base = 16 if digits[:2] in ("0x", "0X") else 8 if digits[:1] == "0" else 10
    start = 2 if base == 16 else 0
    end = start
    while end < len(digits) and digits[end].lower() in "0123456789abcdef"[:base]:
        end += 1
    if end < len(digits) or end == start:
        problems.append(f"{text}: expected numeric value" if end == start else f"{text}: not completely converted")
    return sign * int(digits[start:end] or "0", base) if end > start else 0


def real(text, problems):
    try:
        return float(text or "0")
    except ValueError:
        problems.append(f"{text}: expected numeric value")
        return 0.0


class Printf:
    """One run of printf; the format is used again until the arguments are used up."""

    def __init__(self, form, arguments):
        self.form = form
        self.arguments = list(arguments)
        self.problems = []
        self.out = []
        self.ended = False
        self.used = False

    def run(self):
        while True:
            self.used = False
            self.once()
            if self.ended or not self.arguments or not self.used:
                return "".join(self.out), self.problems

    def next(self):
        self.used = True
        return self.arguments.pop(0) if self.arguments else ""

    def once(self):
        position = 0
        form = self.form
        while position < len(form) and not self.ended:
            if form[position] == "\\":
                end = position + 2
                while end < len(form) and end < position + 4 and form[position + 1] in "01234567" and form[end] in "01234567":
                    end += 1
                self.out.append(unescape(form[position:end], False)[0])
                position = end
            elif form[position] != "%":
                self.out.append(form[position])
                position += 1
            elif form[position + 1 : position + 2] == "%":
                self.out.append("%")
                position += 2
            else:
                position = self.conversion(position + 1)

    def conversion(self, position):
        form = self.form
        flags = ""
        while position < len(form) and form[position] in "-+ #0":
            flags += form[position]
            position += 1
        width, position = self.amount(position)
        precision = None
        if form[position : position + 1] == ".":
            precision, position = self.amount(position + 1)
            precision = precision or 0
        letter = form[position : position + 1]
        if width is not None and width < 0:
            flags, width = flags + "-", -width
        spec = "%" + flags + ("" if width is None else str(min(width, MAX_WIDTH)))
        spec += "" if precision is None else f".{min(max(precision, 0), MAX_WIDTH)}"
        if letter in ("d", "i"):
            self.out.append((spec + "d") % integer(self.next(), self.problems))
        elif letter in ("u", "o", "x", "X") and letter:
            value = integer(self.next(), self.problems) & ((1 << 64) - 1)
            text = (spec + ("d" if letter == "u" else letter)) % value
            self.out.append(text.replace("0o", "0", 1) if letter == "o" else text)
        elif letter and letter in "eEfFgG":
            self.out.append((spec + letter) % real(self.next(), self.problems))
        elif letter == "c":
            self.out.append((spec.partition(".")[0] + "s") % self.next()[:1])
        elif letter == "s":
            self.out.append((spec + "s") % self.next())
        elif letter == "b":
            text, self.ended = unescape(self.next(), True)
            self.out.append((spec + "s") % text)
        else:
            self.problems.append(f"%{letter}: invalid directive")
            self.ended = True
        return position + 1

    def amount(self, position):
        """A width or a precision: (number or None, position behind it)."""
        form = self.form
        if form[position : position + 1] == "*":
            return integer(self.next(), self.problems), position + 1
        end = position
        while end < len(form) and form[end] in "0123456789" and end - position < 6:
            end += 1
        return (int(form[position:end]) if end > position else None), end


def format_printf(form, arguments):
    """(the text, [what was wrong with arguments])."""
    return Printf(form, arguments).run()
