"""What the bench tells its user in one line."""


class LabError(Exception):
    """Something the user can understand and change; `status` is the exit status (2: wrong arguments, 1: the rest)."""

    def __init__(self, message, status=1):
        super().__init__(message)
        self.status = status


def reason(error: OSError) -> str:
    """An OSError without its errno number: `FILE: No such file or directory`."""
    text = error.strerror or str(error)
    return f"{error.filename}: {text}" if error.filename else text
