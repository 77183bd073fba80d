"""Who hears of a file by signal: F_SETOWN, F_SETSIG, O_ASYNC (fcntl(2)) and SIGURG (socket(7)).

A file with O_ASYNC has an entry on each of the wait queues that its `poll` names, so whatever wakes a poller also sends
the signal; the files themselves know nothing of it.
"""

from kernel.fs.select import poll_table
from kernel.sched.wait import wait_queue_entry
from kernel.siginfo import siginfo
from kernel.signal import send_sigio, send_signal
from kernel.uapi.poll import POLLERR, POLLHUP, POLLIN, POLLOUT, POLLPRI, POLLRDNORM, POLLWRNORM
from kernel.uapi.signal import POLL_ERR, POLL_HUP, POLL_IN, POLL_OUT, POLL_PRI, SI_KERNEL, SIGIO, SIGURG

# What makes a SIGIO worth sending.
ASYNC_EVENTS = POLLIN | POLLOUT | POLLPRI | POLLRDNORM | POLLWRNORM | POLLERR | POLLHUP
# What si_code says of which events.
POLL_CODES = ((POLLIN, POLL_IN), (POLLPRI, POLL_PRI), (POLLHUP, POLL_HUP), (POLLERR, POLL_ERR), (POLLOUT, POLL_OUT))
PIDTYPE_TID = 0
PIDTYPE_PID = 1
PIDTYPE_PGID = 2


class fown_struct:
    """The owner of an open file: `pid` of the kind `type` (0: nobody), the signal to send (0: SIGIO)."""

    def __init__(self, pids):
        self.pids = pids
        self.pid = 0
        self.type = PIDTYPE_TID
        self.uid = 0
        self.signum = 0
        self.entries = []

    def targets(self):
        """The tasks that the owner means."""
        if self.pid == 0:
            return []
        if self.type == PIDTYPE_PGID:
            return [task for task in self.pids.tasks() if task.is_leader() and task.pgrp == self.pid]
        task = self.pids.find(self.pid)
        return [task] if task is not None else []

    def send(self, sig, fd, code, band):
        """Send `sig` to the owner, as far as the program that named it might."""
        if self.type == PIDTYPE_TID:
            for task in self.targets():
                info = siginfo(sig, code)
                info.fd, info.band = fd, band
                send_signal(task, sig, info)
            return
        permitted = [task for task in self.targets() if self.uid in (0, task.uid)]
        send_sigio(permitted, -self.pid if self.type == PIDTYPE_PGID else self.pid, sig, fd, code, band)

    def sigio(self, fd, key):
        """Something has happened to the file: SIGIO, or the signal that F_SETSIG has named with what and where."""
        if self.signum == 0:
            self.send(SIGIO, 0, SI_KERNEL, 0)
            return
        code = next((code for mask, code in POLL_CODES if key & mask), POLL_IN)
        self.send(self.signum, fd, code, key)

    def disarm(self):
        """O_ASYNC is off."""
        for entry in self.entries:
            if entry.head is not None:
                entry.head.remove(entry)
        self.entries = []


class fasync_entry(wait_queue_entry):
    """The place of a file with O_ASYNC on a wait queue."""

    def __init__(self, owner, fd):
        super().__init__()
        self.owner = owner
        self.fd = fd

    def func(self, key):
        if key == 0 or key & ASYNC_EVENTS:
            self.owner.sigio(self.fd, key)
        return 0


class fasync_table(poll_table):
    """Puts the entries on the queues."""

    def __init__(self, owner, fd):
        super().__init__()
        self.owner = owner
        self.fd = fd

    def queue(self, filp, wq):
        entry = fasync_entry(self.owner, self.fd)
        self.owner.entries.append(entry)
        wq.add(entry)


def owner_of(filp, pids):
    """The fown_struct of an open file, made at the first use."""
    if filp.f_owner is None:
        filp.f_owner = fown_struct(pids)
    return filp.f_owner


def arm(filp, fd, pids):
    """O_ASYNC is on, set by descriptor `fd`."""
    owner = owner_of(filp, pids)
    if not owner.entries:
        filp.f_op.poll(filp, fasync_table(owner, fd))


def sk_send_sigurg(sk):
    """Urgent data has come for a socket: SIGURG for the owner of its file."""
    holder = sk.sk_socket
    if holder is not None and holder.file is not None and holder.file.f_owner is not None:
        holder.file.f_owner.send(SIGURG, 0, SI_KERNEL, 0)
