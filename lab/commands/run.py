"""`hwemu run PROGRAM ARGS`: a program of the user's, copied into the guest's root."""

import os

from lab.errors import LabError, reason
from lab.session import Session

FOLDER = "/usr/bin"


def run(options) -> int:
    """Boot a machine that runs the program and powers off with its status."""
    try:
        with open(options.program, "rb") as file:
            text = file.read()
    except OSError as error:
        raise LabError(reason(error)) from None
    path = f"{FOLDER}/{os.path.basename(options.program)}"
    return Session(options, [path, *options.args], {path: text}).run()
