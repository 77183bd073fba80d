"""Patterns: * ? [...] as in fnmatch(3), matched in time linear in the product of both lengths."""

import unicodedata

WILDCARDS = "*?["
STAR, ANY = "*", "?"
CLASSES = {
    "alpha": str.isalpha,
    "digit": lambda char: char in "0123456789",
    "alnum": str.isalnum,
    "upper": str.isupper,
    "lower": str.islower,
    "space": str.isspace,
    "blank": lambda char: char in " \t",
    "punct": lambda char: char.isprintable() and not char.isalnum() and char != " ",
    "print": str.isprintable,
    "graph": lambda char: char.isprintable() and char != " ",
    "cntrl": lambda char: unicodedata.category(char) == "Cc",
    "xdigit": lambda char: char in "0123456789abcdefABCDEF",
}


class Bracket:
    """[...]: single characters, ranges and classes."""

    __slots__ = ("negated", "ranges", "classes")

    def __init__(self, negated, ranges, classes):
        self.negated = negated
        self.ranges = ranges
        self.classes = classes

    def matches(self, char):
        found = any(low <= char <= high for low, high in self.ranges) or any(CLASSES[name](char) for name in self.classes)
        return found != self.negated


class Literal:
    """One character that stands for itself."""

    __slots__ = ("char",)

    def __init__(self, char):
        self.char = char


def compile_pattern(pieces):
    """The elements of a pattern made of (text, quoted) pieces."""
    chars = [(char, quoted) for text, quoted in pieces for char in text]
    elements = []
    position = 0
    while position < len(chars):
        char, quoted = chars[position]
        if not quoted and char == "[":
            bracket, end = parse_bracket(chars, position + 1)
            if bracket is not None:
                elements.append(bracket)
                position = end
                continue
        if quoted or char not in "*?":
            elements.append(Literal(char))
        elif char == "?" or not elements or elements[-1] is not STAR:
            elements.append(STAR if char == "*" else ANY)
        position += 1
    return elements


def parse_bracket(chars, position):
    """(Bracket, position behind it), or (None, 0) when there is no closing bracket."""
    negated = position < len(chars) and chars[position][0] in "!^" and not chars[position][1]
    position += negated
    ranges = []
    classes = []
    first = True
    while position < len(chars):
        char, quoted = chars[position]
        if char == "]" and not quoted and not first:
            return Bracket(negated, ranges, classes), position + 1
        first = False
        if char == "[" and not quoted and position + 1 < len(chars) and chars[position + 1][0] == ":":
            rest = "".join(c for c, _ in chars[position + 2 :])
            name, closing, _ = rest.partition(":]")
            if closing and name in CLASSES:
                classes.append(name)
                position += len(name) + 4
                continue
        if (
            position + 2 < len(chars)
            and chars[position + 1] == ("-", False)
            and (chars[position + 2][0] != "]" or chars[position + 2][1])
        ):
            ranges.append((char, chars[position + 2][0]))
            position += 3
            continue
        ranges.append((char, char))
        position += 1
    return None, 0


def element_matches(element, char):
    if element is ANY:
        return True
    return element.char == char if isinstance(element, Literal) else element.matches(char)


def ends_of(elements, text):
    """Every length of a beginning of `text` that the pattern matches, ascending."""
    reachable = [0]
    for element in elements:
        if not reachable:
            return []
        if element is STAR:
            reachable = list(range(reachable[0], len(text) + 1))
        else:
            reachable = [at + 1 for at in reachable if at < len(text) and element_matches(element, text[at])]
    return reachable


def matches(elements, text):
    """Whether the pattern matches all of `text`."""
    ends = ends_of(elements, text)
    return bool(ends) and ends[-1] == len(text)


def strip_prefix(elements, text, longest):
    """`text` without the beginning that the pattern matches."""
    ends = ends_of(elements, text)
    return text[ends[-1 if longest else 0] :] if ends else text


def strip_suffix(elements, text, longest):
    """`text` without the end that the pattern matches."""
    reversed_elements = elements[::-1]
    ends = ends_of(reversed_elements, text[::-1])
    return text[: len(text) - ends[-1 if longest else 0]] if ends else text


def has_wildcards(pieces):
    """Whether any unquoted character of the pieces makes a pattern of them."""
    return any(char in text for text, quoted in pieces if not quoted for char in WILDCARDS)


def glob(pieces, names_in, is_directory):
    """The paths that a pattern matches, sorted; empty when there are none.

    `names_in(directory)` lists a directory ('' the current one), `is_directory(path)` tells directories from files.
    """
    segments = [[]]
    for text, quoted in pieces:
        for index, piece in enumerate(text.split("/")):
            if index:
                segments.append([])
            if piece:
                segments[-1].append((piece, quoted))
    found = [""]
    for number, segment in enumerate(segments):
        last = number == len(segments) - 1
        found = [path for base in found for path in expand_segment(base, segment, last, names_in, is_directory)]
    return sorted(found)


def expand_segment(base, segment, last, names_in, is_directory):
    """What one part of a path between slashes becomes below `base`, which ends in a slash or is empty."""
    slash = "" if last else "/"
    text = "".join(piece for piece, _ in segment)
    if not has_wildcards(segment):
        if not text:
            # The root, a double slash, or a slash at the end.
            return [base + slash]
        path = base + text
        return [path + slash] if is_directory(path) or (last and text in names_in(base)) else []
    elements = compile_pattern(segment)
    return [
        base + name + slash
        for name in names_in(base)
        if (not name.startswith(".") or text.startswith("."))
        and matches(elements, name)
        and (last or is_directory(base + name))
    ]
