"""How commands leave what they run in: loops, functions, the shell."""


class Break(Exception):
    """`break N`."""

    def __init__(self, levels):
        super().__init__(levels)
        self.levels = levels


class Continue(Exception):
    """`continue N`."""

    def __init__(self, levels):
        super().__init__(levels)
        self.levels = levels


class Return(Exception):
    """`return STATUS` from a function or a script that was read with `.`."""

    def __init__(self, status):
        super().__init__(status)
        self.status = status


class ExitShell(Exception):
    """Leaves the shell with `status`."""

    def __init__(self, status):
        super().__init__(status)
        self.status = status
