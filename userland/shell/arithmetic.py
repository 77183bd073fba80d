"""$(( )): C's integer expressions, 64 bits wide (POSIX.1-2017 XCU 2.6.4)."""

from userland.shell.lexer import LETTERS, NAME_REST

OPERATORS = (
    "<<=", ">>=", "&&", "||", "==", "!=", "<=", ">=", "<<", ">>", "+=", "-=", "*=", "/=", "%=", "&=", "^=", "|=", "+", "-",
    "*", "/", "%", "<", ">", "=", "!", "~", "&", "^", "|", "?", ":", "(", ")", ",",
)  # fmt: skip
BINARY = (("||",), ("&&",), ("|",), ("^",), ("&",), ("==", "!="), ("<", "<=", ">", ">="), ("<<", ">>"), ("+", "-"),
          ("*", "/", "%"))  # fmt: skip
ASSIGNMENTS = ("=", "+=", "-=", "*=", "/=", "%=", "&=", "^=", "|=", "<<=", ">>=")
MAX_DEPTH = 60


class ArithmeticProblem(Exception):
    """An expression that can not be evaluated; the text is part of one line."""


def wrap(value):
    """A C long: two's complement, 64 bits."""
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >> 63 else value


def parse_number(text):
    """A constant: decimal, 0 octal, 0x hexadecimal; ArithmeticProblem."""
    try:
        if text[:2] in ("0x", "0X"):
            value = int(text[2:], 16)
        else:
            value = int(text, 8 if len(text) > 1 and text[0] == "0" else 10)
    except ValueError:
        raise ArithmeticProblem(f"bad number: '{text}'") from None
    return max(-(1 << 63), min((1 << 63) - 1, value))


def tokens_of(text):
    found = []
    position = 0
    while position < len(text):
        char = text[position]
        if char in " \t\n":
            position += 1
            continue
        end = position
        if char in "0123456789" or char in LETTERS:
            while end < len(text) and text[end] in NAME_REST:
                end += 1
            found.append(text[position:end])
            position = end
            continue
        operator = next((known for known in OPERATORS if text.startswith(known, position)), None)
        if operator is None:
            raise ArithmeticProblem(f"expecting an operator or a number, not '{text[position:][:20]}'")
        found.append(operator)
        position += len(operator)
    return found


class Evaluator:
    """One expression; `lookup(name)` gives a variable's text ('' when unset), `assign(name, text)` sets one."""

    def __init__(self, text, lookup, assign, depth=0):
        self.tokens = tokens_of(text)
        self.position = 0
        self.lookup = lookup
        self.assign = assign
        self.depth = depth

    def peek(self):
        return self.tokens[self.position] if self.position < len(self.tokens) else None

    def take(self, *texts):
        found = self.peek()
        if found in texts:
            self.position += 1
            return found
        return None

    def run(self):
        """The value; an empty expression is 0."""
        if not self.tokens:
            return 0
        value = self.comma(True)
        if self.peek() is not None:
            raise ArithmeticProblem(f"expecting end of expression, not '{self.peek()}'")
        return value

    def comma(self, live):
        value = self.assignment(live)
        while self.take(","):
            value = self.assignment(live)
        return value

    def assignment(self, live):
        """`live` is False where the value does not count: nothing is assigned or divided there."""
        found = self.peek()
        following = self.tokens[self.position + 1] if self.position + 1 < len(self.tokens) else None
        if found is not None and found[0] in LETTERS and following in ASSIGNMENTS:
            self.position += 2
            value = self.assignment(live)
            if following != "=":
                value = self.apply(following[:-1], self.variable(found), value, live)
            if live:
                self.assign(found, str(value))
            return value
        return self.conditional(live)

    def conditional(self, live):
        condition = self.binary(0, live)
        if not self.take("?"):
            return condition
        chosen = self.comma(live and condition != 0)
        if not self.take(":"):
            raise ArithmeticProblem("expecting ':'")
        other = self.conditional(live and condition == 0)
        return chosen if condition else other

    def binary(self, level, live):
        if level == len(BINARY):
            return self.unary(live)
        value = self.binary(level + 1, live)
        while True:
            operator = self.take(*BINARY[level])
            if operator is None:
                return value
            if operator == "&&":
                right = self.binary(level + 1, live and value != 0)
                value = int(value != 0 and right != 0)
            elif operator == "||":
                right = self.binary(level + 1, live and value == 0)
                value = int(value != 0 or right != 0)
            else:
                value = self.apply(operator, value, self.binary(level + 1, live), live)

    def apply(self, operator, left, right, live):
        if operator in ("/", "%"):
            if right == 0:
                if not live:
                    return 0
                raise ArithmeticProblem("division by zero")
            quotient = abs(left) // abs(right)
            quotient = quotient if (left < 0) == (right < 0) else -quotient
            return wrap(quotient if operator == "/" else left - quotient * right)
        if operator == "<<":
            return wrap(left << (right & 63))
        if operator == ">>":
            return wrap(left >> (right & 63))
        results = {
            "+": left + right, "-": left - right, "*": left * right, "&": left & right, "|": left | right, "^": left ^ right,
            "==": left == right, "!=": left != right, "<": left < right, "<=": left <= right, ">": left > right,
            ">=": left >= right,
        }  # fmt: skip
        return wrap(int(results[operator]))

    def unary(self, live):
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ArithmeticProblem("nested too deeply")
        try:
            operator = self.take("+", "-", "!", "~")
            if operator is None:
                return self.primary(live)
            value = self.unary(live)
        finally:
            self.depth -= 1
        return wrap({"+": value, "-": -value, "!": int(not value), "~": ~value}[operator])

    def primary(self, live):
        if self.take("("):
            value = self.comma(live)
            if not self.take(")"):
                raise ArithmeticProblem("expecting ')'")
            return value
        found = self.peek()
        if found is None or found in OPERATORS:
            raise ArithmeticProblem("expecting primary" + (f", not '{found}'" if found else ""))
        self.position += 1
        return parse_number(found) if found[0] in "0123456789" else self.variable(found)

    def variable(self, name):
        """A variable's value; one that is unset or empty is 0."""
        text = self.lookup(name).strip()
        if not text:
            return 0
        sign = -1 if text[0] == "-" else 1
        digits = text[1:] if text[0] in "+-" else text
        if not digits or digits[0] not in "0123456789":
            raise ArithmeticProblem(f"bad number: '{text}'")
        return wrap(sign * parse_number(digits))


def evaluate(text, lookup, assign):
    """The value of an expression; ArithmeticProblem."""
    return Evaluator(text, lookup, assign).run()
