"""Base64 (RFC 4648 section 4)."""

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
VALUES = {letter: index for index, letter in enumerate(LETTERS)}


def encode_base64(data):
    """The text of `data`, padded."""
    out = []
    for start in range(0, len(data), 3):
        group = data[start : start + 3]
        value = int.from_bytes(group.ljust(3, b"\0"), "big")
        letters = [LETTERS[value >> shift & 63] for shift in (18, 12, 6, 0)]
        out.append("".join(letters[: len(group) + 1]).ljust(4, "="))
    return "".join(out)


def decode_base64(text, ignore_garbage=False):
    """The bytes of a text; line ends are passed over.  None when it is none (or any other character is passed over)."""
    letters = []
    for char in text:
        if char in VALUES or char == "=":
            letters.append(char)
        elif char not in "\r\n" and not ignore_garbage:
            return None
    body = "".join(letters)
    stripped = body.rstrip("=")
    if "=" in stripped or len(body) % 4 or len(body) - len(stripped) > 2:
        return None
    out = bytearray()
    for start in range(0, len(stripped), 4):
        group = stripped[start : start + 4]
        if len(group) == 1:
            return None
        value = 0
        for char in group.ljust(4, "A"):
            value = value << 6 | VALUES[char]
        out += value.to_bytes(3, "big")[: len(group) - 1]
    return bytes(out)
