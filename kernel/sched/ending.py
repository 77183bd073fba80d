"""How a program's stack is made to unwind.

Both exceptions derive from GreenletExit, which the CPU's trap gate lets pass to the program: `except Exception` does
not catch them, and its `finally` blocks run.
"""

from greenlet import GreenletExit


class TaskExit(GreenletExit):
    """The task has to end: exit(2) was called or a signal killed it; `task.exit_code` says which."""


class TaskExec(GreenletExit):
    """execve(2) has replaced the program: the old one unwinds, then the new one begins."""
