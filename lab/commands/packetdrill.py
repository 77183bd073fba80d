"""`hwemu packetdrill SCRIPT...`: plays packetdrill scripts against our TCP, each on a fresh machine, in virtual time."""

import sys

from lab.errors import reason
from lab.packetdrill.parser import parse
from lab.packetdrill.runner import Failure, Run, describe
from lab.packetdrill.script import ScriptError
from lab.packetdrill.symbols import symbols

OK, FAILED = 0, 1
# Names that the scripts' own harness defines; the cookie is what the key of `defaults.sh` makes for the script's peer.
DEFINES = {"CODE": "host_unreachable", "TFO_COOKIE": "3021b9d889017eeb"}


def packetdrill(options) -> int:
    """One line per script: ok, or FAIL with the line, what was expected and what came; exit status 0 or 1."""
    names = symbols()
    defines = {**DEFINES, **dict(options.define)}
    failed = 0
    for path in options.scripts:
        problem = play(path, names, defines, options)
        if problem is None:
            print(f"ok   {path}", flush=True)
        else:
            failed += 1
            print(f"FAIL {path}{problem}", flush=True)
    if len(options.scripts) > 1:
        print(f"{len(options.scripts) - failed} of {len(options.scripts)} passed", file=sys.stderr)
    return FAILED if failed else OK


def play(path, names, defines, options):
    """None when the script passes, else `:LINE: what happened`."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read()
    except OSError as error:
        return f": {reason(error).removeprefix(f'{path}: ')}"
    try:
        script = parse(text, names, defines)
        Run(script, options.tolerance, watch=print_event if options.verbose else None).play()
    except (ScriptError, Failure) as problem:
        return f":{problem.line}: {problem}"
    return None


def print_event(event, seconds, found):
    print(describe(event, seconds, found))
