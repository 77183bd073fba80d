"""/proc/PID/fd and /proc/PID/fdinfo: a task's descriptors, where they lead and in what state they are (proc(5))."""

from kernel.fs.anon_inodes import file_ids
from kernel.fs.locks import context_of
from kernel.uapi.fcntl import F_RDLCK, LOCK_EX, O_CLOEXEC

MOUNT_ID = 1
OFFSET_MAX = (1 << 63) - 1


class descriptor_directory:
    """A directory with an entry for each descriptor of a task."""

    def __init__(self, proc, task):
        self.proc = proc
        self.task = task

    def entry(self, fd):
        """The inode of a descriptor's entry."""
        raise NotImplementedError

    def file(self, fd):
        """The open file of a descriptor, or None."""
        files = self.task.files
        return files.fget(fd) if files is not None else None

    def list(self):
        if self.task.files is None:
            return []
        return [(str(fd), self.entry(fd)) for fd in self.task.files.open_fds()]

    def get(self, name):
        if not name.isascii() or not name.isdigit() or str(int(name)) != name:
            return None
        return self.entry(int(name)) if self.file(int(name)) is not None else None


class fd_directory(descriptor_directory):
    """/proc/PID/fd: symbolic links; their permissions say what the descriptor is open for."""

    def entry(self, fd):
        node = self.proc.new_link(lambda: self.target(fd))
        filp = self.file(fd)
        if filp is not None:
            bits = (0o500 if filp.f_mode & 1 else 0o100) | (0o300 if filp.f_mode & 2 else 0)
            node.i_mode = node.i_mode & ~0o777 | bits
        node.i_size = 64
        return node

    def target(self, fd):
        filp = self.file(fd)
        if filp is None:
            return ""
        return filp.path + " (deleted)" if filp.dentry is not None and filp.inode.i_nlink == 0 else filp.path


class fdinfo_directory(descriptor_directory):
    """/proc/PID/fdinfo: files with position, flags, locks and what the kind of file adds."""

    def entry(self, fd):
        return self.proc.new_file(lambda: self.show(fd))

    def show(self, fd):
        filp = self.file(fd)
        if filp is None:
            return ""
        flags = filp.f_flags | (O_CLOEXEC if self.task.files.close_on_exec[fd] else 0)
        head = f"pos:\t{filp.f_pos}\nflags:\t0{flags:o}\nmnt_id:\t{MOUNT_ID}\nino:\t{file_ids(filp)[1]}\n"
        return head + self.locks(filp) + filp.f_op.fdinfo(filp)

    def locks(self, filp):
        """A line for each lock that this open file, or its process, holds."""
        context = context_of(filp)
        device, number = file_ids(filp)
        place = f"{device >> 8:02x}:{device & 0xFF:02x}:{number}"
        lines = []
        for lock in context.posix:
            if lock.owner in (filp, self.task.files):
                kind = "OFDLCK" if lock.owner is filp else "POSIX "
                mode = "READ " if lock.kind == F_RDLCK else "WRITE"
                end = "EOF" if lock.end == OFFSET_MAX else lock.end
                lines.append(f"{kind} ADVISORY  {mode} {lock.pid} {place} {lock.start} {end}")
        if filp in context.flocks:
            mode = "WRITE" if context.flocks[filp] == LOCK_EX else "READ "
            lines.append(f"FLOCK  ADVISORY  {mode} {self.task.pid} {place} 0 EOF")
        return "".join(f"lock:\t{number}: {line}\n" for number, line in enumerate(lines, 1))
