"""New tasks: spawn (fork, file actions and execve in one) and kernel threads; and execve itself."""

from struct import Struct

from greenlet import GreenletExit

from kernel.arch.memory import AddressSpace
from kernel.arch.program import ExecFormatError
from kernel.arch.uaccess import copy_from_user
from kernel.exec import exec as binfmt
from kernel.fs.open import get_path
from kernel.sched.ending import TaskExec, TaskExit
from kernel.sched.exit import do_exit, report_fault
from kernel.sched.state import PF_KTHREAD
from kernel.signal import signal_struct
from kernel.syscalls import Fault
from kernel.uapi.errno import E2BIG, EAGAIN, EBADF, EFAULT, EINVAL, EPERM
from kernel.uapi.fcntl import FD_CLOEXEC
from kernel.uapi.signal import SIGSEGV
from kernel.uapi.syscall import SYS_execve, SYS_spawn

# struct of a spawn file action: op, fd, newfd, padding.
FILE_ACTION = Struct("<iii4x")
ACTION_DUP2 = 0
ACTION_CLOSE = 1
MAX_ACTIONS = 256
INHERIT_GROUP = -1
COMM_LENGTH = 15
EXIT_NOT_EXECUTABLE = 126


class program_task:
    """What a task's context executes: its program, and after an execve the next one."""

    def __init__(self, kernel, task, binprm):
        self.kernel = kernel
        self.task = task
        self.binprm = binprm

    def __call__(self):
        task = self.task
        while self.binprm is not None:
            try:
                self.run()
            except TaskExec as replaced:
                self.binprm = replaced.args[0]
            except TaskExit:
                pass
            except GreenletExit:
                # The machine is being switched off under the program.
                return
        if task.fault is not None:
            report_fault(self.kernel, task, task.fault)
            task.fault = None
        do_exit(self.kernel, task)

    def run(self):
        """Run the program to its end; what it returns or raises becomes the task's exit code."""
        task = self.task
        binprm = self.binprm
        self.binprm = None
        task.exe = binprm.path
        try:
            main = binprm.load()
        except ExecFormatError as error:
            self.kernel.complain(task, str(error))
            task.exit_code = EXIT_NOT_EXECUTABLE << 8
            return
        try:
            task.exit_code = exit_status(main(list(binprm.argv)))
        except SystemExit as ending:
            task.exit_code = exit_status(ending.code)
        except (GreenletExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            task.fault = error
            task.exit_code = SIGSEGV


def exit_status(value):
    """A wait status from what main returned or exit was given: a number, None for 0, anything else 1."""
    if value is None:
        return 0
    if isinstance(value, int):
        return (value & 0xFF) << 8
    return 1 << 8


def new_program(kernel, parent, binprm, files, fs, pid=0):
    """A task for a program, with `pid` or (0) the next free one; -EAGAIN when there are no pids left."""
    if pid == 0:
        pid = kernel.pids.alloc()
    if pid == 0:
        return -EAGAIN
    task = kernel.sched.new_task(pid, binprm.path.rpartition("/")[2][:COMM_LENGTH])
    task.argv = binprm.argv
    task.environ = binprm.environ
    task.exe = binprm.path
    task.files = files
    task.fs = fs
    task.signal = signal_struct()
    if parent is not None:
        task.parent = parent
        parent.children.append(task)
        task.pgrp = parent.pgrp
        task.session = parent.session
        task.tty = parent.tty
        task.uid = parent.uid
        task.signal = parent.signal.child()
    task.context = kernel.arch.new_context(program_task(kernel, task, binprm))
    task.context.task = task
    task.mm = task.context.address_space
    kernel.pids.add(task)
    return task


def kthread(kernel, name, function):
    """Start a kernel thread that runs `function()`; returns its task."""
    task = kernel.sched.new_task(kernel.pids.alloc(), name[:COMM_LENGTH])
    task.flags |= PF_KTHREAD
    task.pgrp = task.session = 0
    task.context = kernel.arch.new_context(kthread_body(kernel, task, function))
    task.context.task = task
    kernel.pids.add(task)
    task.wake_up()
    return task


class kthread_body:
    """What a kernel thread's context executes."""

    def __init__(self, kernel, task, function):
        self.kernel = kernel
        self.task = task
        self.function = function

    def __call__(self):
        self.function()
        do_exit(self.kernel, self.task)


class process_calls:
    """spawn and execve of one kernel."""

    def __init__(self, kernel):
        self.kernel = kernel

    def prepare(self, task, path, argv, envp, fs):
        """The program that the user's pointers describe, or a negative errno."""
        try:
            arguments = binfmt.decode_arguments(binfmt.string_vector(task.mm, argv))
            environ = binfmt.string_vector(task.mm, envp)
            name = get_path(task, path)
        except Fault:
            return -EFAULT
        except OverflowError:
            return -E2BIG
        return binfmt.prepare(fs, name, arguments or [name], environ)

    def execve(self, task, path, argv, envp, a3, a4, a5):
        """int execve(const char *pathname, char *const argv[], char *const envp[]): does not return on success"""
        binprm = self.prepare(task, path, argv, envp, task.fs)
        if isinstance(binprm, int):
            return binprm
        if task.files.users > 1:
            # The other threads keep theirs.
            private = task.files.copy()
            task.files.put()
            task.files = private
        task.files.close_on_execve()
        task.signal.flush_handlers()
        task.comm = binprm.path.rpartition("/")[2][:COMM_LENGTH]
        task.argv = binprm.argv
        task.environ = binprm.environ
        task.context.address_space = AddressSpace()
        task.context.thread_pointer = None
        task.context.signal_entry = None
        task.context.frames.clear()
        task.mm = task.context.address_space
        raise TaskExec(binprm)

    def spawn(self, task, path, argv, envp, actions, count, pgid):
        """int spawn(path, argv, envp, struct file_action *actions, int count, pid_t pgid): the child's pid

        `pgid` -1 keeps the caller's process group, 0 makes the child the leader of a new one.
        """
        if count < 0 or count > MAX_ACTIONS:
            return -EINVAL
        raw = copy_from_user(task.mm, actions, count * FILE_ACTION.size) if count else b""
        if raw is None:
            return -EFAULT
        binprm = self.prepare(task, path, argv, envp, task.fs)
        if isinstance(binprm, int):
            return binprm
        if pgid > 0 and not self.kernel.group_exists(pgid, task.session):
            return -EPERM
        files = task.files.copy()
        result = apply_actions(files, raw)
        if result < 0:
            files.close_all()
            return result
        files.close_on_execve()
        child = new_program(self.kernel, task, binprm, files, task.fs.copy())
        if isinstance(child, int):
            files.close_all()
            return child
        if pgid != INHERIT_GROUP:
            child.pgrp = pgid if pgid > 0 else child.pid
        child.wake_up()
        return child.pid

    def register(self, table):
        table.register(SYS_execve, "execve", self.execve)
        table.register(SYS_spawn, "spawn", self.spawn)


def apply_actions(files, raw):
    """Carry out spawn's file actions in order; 0 or a negative errno."""
    for op, fd, newfd in FILE_ACTION.iter_unpack(raw):
        if op == ACTION_CLOSE:
            files.close_fd(fd)
        elif op == ACTION_DUP2:
            filp = files.fget(fd)
            if filp is None:
                return -EBADF
            if fd == newfd:
                # As posix_spawn has it: a descriptor that stays must not be closed by the exec.
                files.close_on_exec[fd] &= ~FD_CLOEXEC
            else:
                result = files.dup_to(filp, newfd, False)
                if result < 0:
                    return result
        else:
            return -EINVAL
    return 0
