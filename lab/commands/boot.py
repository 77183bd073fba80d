"""`hwemu boot`: a shell at a terminal, one command line with -c, the demonstration where nobody can type."""

from lab.commands.demonstration import demonstrate
from lab.console import STDIN, is_silent
from lab.initramfs import SHELL
from lab.session import Session


def boot(options) -> int:
    """Boot and run until power-off; returns the guest's exit status."""
    alone = options.line is None and is_silent(STDIN)
    if alone and options.plain:
        return demonstrate(options)
    # Nobody can type, yet the machine was put on a network: it stays there until it is told to stop.
    command = None if options.line is None else [SHELL, "-c", options.line]
    return Session(options, command, stay=alone).run()
