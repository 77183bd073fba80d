"""`--capture FILE`: a file whose troubles are told in one line."""

from lab.errors import LabError


class CaptureFile:
    """What a `PcapngWriter` writes to.  LabError with the file's name when it can not be opened, written or closed.

    One that is raised in the middle of a run ends it: a capture with holes would lie.
    """

    def __init__(self, path):
        self.path = path
        self.file = None
        self.file = self.attempt(open, path, "wb")

    def attempt(self, function, *arguments):
        try:
            return function(*arguments)
        except OSError as error:
            raise LabError(f"{self.path}: {error.strerror or error}") from None

    def write(self, data):
        self.attempt(self.file.write, data)

    def close(self):
        self.attempt(self.file.close)
