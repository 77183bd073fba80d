"""Open terminals: read, write, poll, and how a terminal is opened, closed and hung up (tty(4), termios(3))."""

from kernel.fs.file import file_operations
from kernel.fs.select import poll_wait
from kernel.sched.state import TASK_RUNNING
from kernel.tty import tty_ioctl, tty_jobctrl
from kernel.uapi.errno import EAGAIN, EBUSY, EFAULT, EIO, ENOTTY, ENXIO, ERESTARTSYS
from kernel.uapi.fcntl import O_NOCTTY, O_NONBLOCK
from kernel.uapi.poll import POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM
from kernel.uapi.signal import SIGTTIN
from kernel.uapi.termios import TIOCPKT_DATA, TIOCSPGRP, TOSTOP, VMIN, VTIME

WRITE_CHUNK = 65536
NSEC_PER_DECISECOND = 100000000
HUNG_UP_EVENTS = POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDNORM | POLLWRNORM


class tty_operations(file_operations):
    """What an open terminal does; `filp.private_data` is the terminal.  `hangs_up`: False for /dev/console."""

    hangs_up = True

    def __init__(self, kernel):
        self.kernel = kernel
        self.sched = kernel.sched
        self.hung_up = hung_up_operations()

    def can_signal(self):
        return True

    # --- open and close ---

    def attach(self, filp, tty, controlling):
        """`filp` is an open file of `tty` now; 0 or a negative errno."""
        task = self.sched.current
        if tty.exclusive and task.uid != 0:
            return -EBUSY
        err = tty.opening(filp)
        if err < 0:
            return err
        filp.private_data = tty
        filp.f_op = self
        tty.files.append(filp)
        if controlling and not filp.f_flags & O_NOCTTY:
            tty_jobctrl.open_controlling(task, filp, tty)
        return 0

    def release(self, filp):
        close_tty(filp)

    # --- data ---

    def read(self, filp, to):
        tty = filp.private_data
        discipline = tty.discipline
        if to.count == 0:
            return 0
        cc = tty.termios.cc
        minimum, timeout, between = cc[VMIN], -1, -1
        if minimum == 0:
            minimum, timeout = 1, cc[VTIME] * NSEC_PER_DECISECOND
        elif cc[VTIME]:
            between = cc[VTIME] * NSEC_PER_DECISECOND
        done = 0
        while True:
            if filp.f_op is not self:
                return done if done or not tty.other_closed else tty.end_of_input
            refused = tty_jobctrl.check_change(self.sched.current, tty, SIGTTIN)
            if refused < 0:
                return done if done else refused
            if tty.packet and tty.pktstatus:
                return done if done else self.read_status(tty, to)
            head = bytes((TIOCPKT_DATA,)) if tty.packet and not done else b""
            chunk = discipline.take(to.count - len(head))
            if chunk is not None:
                count = to.write(head + chunk) if head or chunk else 0
                if count < 0:
                    return done if done else -EFAULT
                done += count
                tty.read_further()
                if tty.termios.canonical() or done >= minimum or to.count == 0:
                    return done
                timeout = between
                continue
            if tty.other_closed:
                return done if done else tty.end_of_input
            if timeout == 0 and not tty.termios.canonical():
                return done
            if filp.f_flags & O_NONBLOCK:
                return done if done else -EAGAIN
            if self.sched.signal_pending():
                return done if done else -ERESTARTSYS
            timeout = self.wait(tty.read_wait, -1 if tty.termios.canonical() else timeout)

    def splice_read(self, filp, to, nonblock):
        return self.read(filp, to)

    def can_splice_write(self):
        return True

    def read_status(self, tty, to):
        """Packet mode: one byte that tells what has happened to the slave."""
        status = tty.pktstatus
        tty.pktstatus = 0
        return to.write(bytes((status,)))

    def write(self, filp, source):
        tty = filp.private_data
        if tty.termios.lflag & TOSTOP:
            refused = tty_jobctrl.check_change(self.sched.current, tty)
            if refused < 0:
                return refused
        done = 0
        while source.count:
            chunk = source.read(min(source.count, WRITE_CHUNK))
            if chunk is None:
                return done if done else -EFAULT
            while chunk:
                if filp.f_op is not self:
                    return done if done else -EIO
                count = tty.discipline.write(chunk)
                if count:
                    done += count
                    chunk = chunk[count:]
                    continue
                if filp.f_flags & O_NONBLOCK:
                    return done if done else -EAGAIN
                if self.sched.signal_pending():
                    return done if done else -ERESTARTSYS
                self.wait(tty.write_wait, -1)
        return done

    def wait(self, queue, timeout):
        """Sleep until the queue is woken, for at most `timeout` ns (-1: for ever); what is left of that."""
        sched = self.sched
        sched.prepare_to_wait(queue)
        timeout = sched.schedule_timeout(timeout)
        sched.finish_wait(queue)
        sched.current.state = TASK_RUNNING
        return timeout

    def poll(self, filp, table):
        tty = filp.private_data
        poll_wait(filp, tty.read_wait, table)
        poll_wait(filp, tty.write_wait, table)
        return tty.poll()

    def ioctl(self, filp, cmd, arg):
        return tty_ioctl.tty_ioctl(self, filp, filp.private_data, cmd, arg)


class hung_up_operations(file_operations):
    """What is left of an open terminal whose line was cut."""

    hangs_up = False

    def read(self, filp, to):
        return 0

    def write(self, filp, source):
        return -EIO

    def poll(self, filp, table):
        return HUNG_UP_EVENTS

    def can_signal(self):
        return True

    def ioctl(self, filp, cmd, arg):
        return -ENOTTY if cmd == TIOCSPGRP else -EIO

    def release(self, filp):
        close_tty(filp)


class console_operations(tty_operations):
    """/dev/console: never a controlling terminal by being opened, and it does not hang up with its line."""

    hangs_up = False


class tty_device(file_operations):
    """A device node that leads to one terminal; `controlling`: opening it may make it a session's terminal."""

    def __init__(self, operations, tty, controlling=True):
        self.operations = operations
        self.tty = tty
        self.controlling = controlling

    def open(self, filp):
        return self.operations.attach(filp, self.tty, self.controlling)


class controlling_device(file_operations):
    """/dev/tty: the controlling terminal of whoever opens it, ENXIO without one."""

    def __init__(self, operations):
        self.operations = operations

    def open(self, filp):
        tty = self.operations.sched.current.tty
        return -ENXIO if tty is None else self.operations.attach(filp, tty, False)


def close_tty(filp):
    """The last descriptor of an open terminal is closed."""
    tty = filp.private_data
    tty.files.remove(filp)
    tty.closed(filp)
