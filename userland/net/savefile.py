"""The files that a capture is written to: one, or one after the other by size (-C), by time (-G), in a ring (-W)."""

from userland import libc
from userland.net.pcap import file_header, record_header

SECOND = 1000000000


class Savefile:
    """Writes records to the file `name`; what goes wrong is told on standard error.

    `size` bytes (0: any) after which the next packet goes to another file, whose name has a number behind it; `seconds`
    likewise, with the time put into `name` by strftime; `files`: with a size so many files, of which the oldest is
    written over, without one the end of the capture.
    """

    def __init__(self, name, link, snaplen, size=0, seconds=0, files=0):
        self.name = name
        self.header = file_header(link, snaplen)
        self.size = size
        self.interval = seconds * SECOND
        self.files = files
        self.width = len(str(files - 1)) if files and size else 0
        self.count = 0
        self.periods = 0
        self.began = libc.clock_gettime_ns(libc.CLOCK_REALTIME)
        self.fd = -1
        self.written = 0
        # The last file is full: the capture ends well.
        self.full = False

    def file_name(self):
        """The name of the file that is written now."""
        name = libc.strftime(self.name, self.began // SECOND) if self.interval else self.name
        return name if self.count == 0 and self.width == 0 else f"{name}{self.count:0{self.width}}"

    def open(self):
        """Begin a file; False with the reason printed."""
        self.close()
        name = self.file_name()
        self.fd = 1 if name == "-" else libc.open(name, libc.O_WRONLY | libc.O_CREAT | libc.O_TRUNC)
        self.written = len(self.header)
        if self.fd < 0 or libc.write_all(self.fd, self.header) < 0:
            libc.perror(f"tcpdump: {name}")
            return False
        return True

    def close(self):
        if self.fd > 1:
            libc.close(self.fd)
        self.fd = -1

    def rotate(self):
        """Go on to another file when it is time; False when that can not be, or when there are files enough (`full`)."""
        now = libc.clock_gettime_ns(libc.CLOCK_REALTIME) if self.interval else 0
        if self.interval and now - self.began >= self.interval:
            self.periods += 1
            if self.files and self.periods >= self.files:
                libc.eputs(f"Maximum file limit reached: {self.files}")
                self.full = True
                return False
            self.began = now
            self.count = 0
            return self.open()
        if self.size and self.written > self.size:
            self.count += 1
            if self.files and self.count >= self.files:
                self.count = 0
            return self.open()
        return True

    def write(self, when, data, length):
        """One record, `when` in ns since 1970; False when it is not written (`full` tells whether that is an error)."""
        if (self.size or self.interval) and not self.rotate():
            return False
        record = record_header(when, len(data), length) + data
        if libc.write_all(self.fd, record) < 0:
            libc.perror("tcpdump: write")
            return False
        self.written += len(record)
        return True
