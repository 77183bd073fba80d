"""What a word means when its command runs: variables, field splitting, file name patterns."""

from userland.shell.lexer import PLAIN, SINGLE
from userland.shell.parser import NAME_REST, NAME_START

SPECIAL = "?$#@*!0123456789"
WILDCARDS = "*?["


def expand_variables(text, lookup):
    """`text` with $NAME, ${NAME}, ${NAME:-word} and $? (and the other one-character parameters) replaced."""
    out = []
    position = 0
    while position < len(text):
        char = text[position]
        following = text[position + 1 : position + 2]
        if char != "$" or not following:
            out.append(char)
            position += 1
        elif following == "{":
            end = text.find("}", position)
            if end < 0:
                out.append(text[position:])
                break
            name, colon, default = text[position + 2 : end].partition(":-")
            value = lookup(name)
            out.append(default if colon and not value else value)
            position = end + 1
        elif following in SPECIAL:
            out.append(lookup(following))
            position += 2
        elif following in NAME_START:
            end = position + 1
            while end < len(text) and text[end] in NAME_REST:
                end += 1
            out.append(lookup(text[position + 1 : end]))
            position = end
        else:
            out.append(char)
            position += 1
    return "".join(out)


def expand_single(word, lookup):
    """The word as one string, unsplit: an assignment's value, a redirection's target."""
    return "".join(text if quoting == SINGLE else expand_variables(text, lookup) for text, quoting in word.segments)


def expand_word(word, lookup, names_in):
    """The fields that a word becomes.  `names_in(directory)` lists a directory for patterns (None: no patterns)."""
    fields = []
    current = []
    started = False
    for text, quoting in word.segments:
        if quoting != PLAIN:
            current.append((text if quoting == SINGLE else expand_variables(text, lookup), True))
            started = True
            continue
        expanded = expand_variables(text, lookup)
        if expanded == text:
            current.append((text, False))
            started = True
            continue
        # Only what a variable brought in is split; the text around it was split by the lexer.
        pieces = expanded.split()
        if expanded[:1].isspace() and started:
            fields.append(current)
            current, started = [], False
        for index, piece in enumerate(pieces):
            if index:
                fields.append(current)
                current = []
            current.append((piece, False))
            started = True
        if pieces and expanded[-1:].isspace():
            fields.append(current)
            current, started = [], False
    if started:
        fields.append(current)
    result = []
    for field in fields:
        result += match_files(field, names_in)
    return result


def match_files(field, names_in):
    """The file names that an unquoted pattern matches, sorted, or the field itself."""
    text = "".join(piece for piece, _ in field)
    if names_in is None or not any(char in piece for piece, quoted in field if not quoted for char in WILDCARDS):
        return [text]
    directory, slash, last = text.rpartition("/")
    if any(char in directory for char in WILDCARDS):
        return [text]
    names = names_in(directory + slash if slash else ".")
    found = [
        directory + slash + name
        for name in names
        if (not name.startswith(".") or last.startswith(".")) and matches(name, last)
    ]
    return sorted(found) or [text]


def matches(name, pattern):
    """fnmatch(3): * ? and [...] with ranges and !; linear in the product of both lengths."""
    reachable = {0: True}
    for element in pattern_elements(pattern):
        following = {}
        if element == "*":
            first = min(reachable)
            following = dict.fromkeys(range(first, len(name) + 1), True)
        else:
            for position in reachable:
                if position < len(name) and element_matches(element, name[position]):
                    following[position + 1] = True
        if not following:
            return False
        reachable = following
    return len(name) in reachable


def pattern_elements(pattern):
    elements = []
    position = 0
    while position < len(pattern):
        char = pattern[position]
        end = pattern.find("]", position + 2) if char == "[" else -1
        if end > 0:
            elements.append(pattern[position : end + 1])
            position = end + 1
        else:
            elements.append(char)
            position += 1
    return elements


def element_matches(element, char):
    if element == "?":
        return True
    if len(element) == 1:
        return element == char
    body = element[1:-1]
    negated = body[:1] in ("!", "^")
    if negated:
        body = body[1:]
    found = False
    position = 0
    while position < len(body):
        if body[position + 1 : position + 2] == "-" and position + 2 < len(body):
            found = found or body[position] <= char <= body[position + 2]
            position += 3
        else:
            found = found or body[position] == char
            position += 1
    return found != negated
