"""`hwemu run PROGRAM ARGS`: a program of the user's, copied into the guest's root, or one in the folder of --root.

`hwemu strace` does the same and prints the system calls.
"""

import os

from lab.errors import LabError, reason
from lab.session import Session

FOLDER = "/usr/bin"
# With --root that is the folder's, which is read-only.
FOLDER_BESIDE_ROOT = "/bin"


def run(options) -> int:
    """Boot a machine that runs the program and powers off with its status."""
    if options.root and options.program.startswith("/"):
        return Session(options, [options.program, *options.args]).run()
    try:
        with open(options.program, "rb") as file:
            text = file.read()
    except OSError as error:
        raise LabError(reason(error)) from None
    path = f"{FOLDER_BESIDE_ROOT if options.root else FOLDER}/{os.path.basename(options.program)}"
    return Session(options, [path, *options.args], {path: text}).run()
