"""What shell text means, as a tree, and the tree as plain data: so a subshell can be told what to run.

A word is a list of parts, each a list that begins with its kind:

    ["text", string]                    as it stands, patterns and all
    ["quoted", string]                  as it stands, nothing in it is special
    ["parameter", name, operator, word or None, quoted]
    ["command", List, quoted]           $(...) and `...`
    ["arithmetic", word, quoted]        $((...))
    ["tilde", name]

`quoted` says that the expansion stands in double quotes.
"""


class Node:
    """Anything of the tree; `fields` in the order of the constructor's arguments."""

    fields = ()

    def __init__(self, *values):
        for name, value in zip(self.fields, values, strict=True):
            setattr(self, name, value)


class Redirect(Node):
    """`kind` is < > >> >| <> <& >& or <<; `target` a word: the file, the descriptor, or the here-document's text."""

    fields = ("fd", "kind", "target")


class Simple(Node):
    """`assignments` are [name, word] before the command's `words`."""

    fields = ("assignments", "words", "redirects", "line")


class Pipeline(Node):
    fields = ("commands", "negated", "source")


class AndOr(Node):
    """`items` are [connector, Pipeline]; the first connector is empty, the others && or ||."""

    fields = ("items", "background", "source")


class List(Node):
    fields = ("items",)


class Subshell(Node):
    fields = ("body",)


class Group(Node):
    fields = ("body",)


class If(Node):
    """`clauses` are [condition, body]; `otherwise` a List or None."""

    fields = ("clauses", "otherwise")


class For(Node):
    """`words` is None for `for NAME do`: the positional parameters."""

    fields = ("name", "words", "body", "line")


class While(Node):
    fields = ("condition", "body", "until")


class Case(Node):
    """`clauses` are [patterns, body, falls through]."""

    fields = ("word", "clauses", "line")


class Function(Node):
    fields = ("name", "body")


class Redirected(Node):
    """A compound command with redirections."""

    fields = ("body", "redirects")


KINDS = {
    kind.__name__: kind
    for kind in (
        Redirect, Simple, Pipeline, AndOr, List, Subshell, Group, If, For, While, Case, Function, Redirected,
    )
}  # fmt: skip


def encode(value):
    """A tree as lists, strings and numbers: what JSON takes."""
    if isinstance(value, Node):
        return {type(value).__name__: [encode(getattr(value, name)) for name in value.fields]}
    if isinstance(value, (list, tuple)):
        return [encode(item) for item in value]
    return value


def decode(value):
    """What `encode` made, as a tree."""
    if isinstance(value, dict):
        ((name, fields),) = value.items()
        return KINDS[name](*(decode(field) for field in fields))
    if isinstance(value, list):
        return [decode(item) for item in value]
    return value
