"""All that a shell knows as bytes, and back: what a fork would have carried into a subshell."""

import json

from userland.shell.nodes import decode, encode


def describe(shell, node):
    """The shell's state and the tree that its subshell is to run, as JSON."""
    state = {
        "name": shell.name,
        "arguments": shell.arguments,
        "values": shell.variables.values,
        "exported": list(shell.variables.exported),
        "readonly": list(shell.variables.readonly),
        "functions": {name: encode(body) for name, body in shell.functions.items()},
        "aliases": shell.aliases,
        "options": [letter for letter, on in shell.options.items() if on and letter != "m"],
        "ignored": [signum for signum, action in shell.traps.items() if not action],
        "status": shell.status,
        "pid": shell.pid,
        "last_background": shell.last_background,
        "line": shell.line,
        "loops": shell.loops,
        "calls": len(shell.calls),
        "conditions": shell.conditions,
        "node": encode(node),
    }
    # Bytes that are no UTF-8 are lone surrogates in the shell's strings; JSON escapes them.
    return json.dumps(state).encode("ascii")


def adopt(shell, raw):
    """Make a fresh shell what `describe` described; the tree to run."""
    state = json.loads(raw)
    shell.name = state["name"]
    shell.arguments = state["arguments"]
    shell.variables.values = state["values"]
    shell.variables.exported = dict.fromkeys(state["exported"], True)
    shell.variables.readonly = dict.fromkeys(state["readonly"], True)
    shell.functions = {name: decode(body) for name, body in state["functions"].items()}
    shell.aliases = state["aliases"]
    shell.options = dict.fromkeys(state["options"], True)
    shell.traps = dict.fromkeys(state["ignored"], "")
    shell.status = state["status"]
    shell.pid = state["pid"]
    shell.last_background = state["last_background"]
    shell.line = state["line"]
    shell.loops = state["loops"]
    shell.calls = [{} for _ in range(state["calls"])]
    shell.conditions = state["conditions"]
    return decode(state["node"])
