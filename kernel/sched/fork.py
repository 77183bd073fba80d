"""New tasks: clone (fork, vfork, threads), spawn (fork, file actions and execve in one), kernel threads; and execve."""

from struct import Struct

from greenlet import GreenletExit

from kernel.arch.memory import AddressSpace
from kernel.arch.program import ExecFormatError
from kernel.arch.uaccess import copy_from_user, put_user
from kernel.exec import exec as binfmt
from kernel.exec.binfmt_elf import elf_binprm
from kernel.fs.open import get_path
from kernel.sched.ending import TaskExec, TaskExit
from kernel.sched.exit import do_exit, report_fault, vfork_release
from kernel.sched.state import EXIT_DEAD, PF_KTHREAD, TASK_KILLABLE
from kernel.sched.wait import wait_queue_head
from kernel.signal import end_thread, force_exit
from kernel.signal_delivery import python_abi
from kernel.syscalls import Fault
from kernel.uapi.errno import E2BIG, EAGAIN, EBADF, EFAULT, EINVAL, EPERM
from kernel.uapi.fcntl import FD_CLOEXEC
from kernel.uapi.sched import (
    CLONE_CHILD_CLEARTID,
    CLONE_CHILD_SETTID,
    CLONE_FILES,
    CLONE_FS,
    CLONE_NEW,
    CLONE_PARENT,
    CLONE_PARENT_SETTID,
    CLONE_SIGHAND,
    CLONE_THREAD,
    CLONE_VFORK,
    CLONE_VM,
    CSIGNAL,
)
from kernel.uapi.signal import NSIG, SIGCHLD, SIGSEGV
from kernel.uapi.syscall import SYS_clone, SYS_execve, SYS_set_tid_address, SYS_spawn

# struct of a spawn file action: op, fd, newfd, padding.
FILE_ACTION = Struct("<iii4x")
ACTION_DUP2 = 0
ACTION_CLOSE = 1
MAX_ACTIONS = 256
INHERIT_GROUP = -1
COMM_LENGTH = 15
EXIT_NOT_EXECUTABLE = 126
# As many tasks as Linux's kernel.threads-max would allow a machine of this size, and a bound for a fork bomb.
MAX_TASKS = 8192


class program_task:
    """What a task's context executes: its program (`binprm`), and after an execve the next one.

    A further thread of a program has no `binprm`: it begins at the program's thread entry, with its `stack`.
    """

    def __init__(self, kernel, task, binprm, stack=0):
        self.kernel = kernel
        self.task = task
        self.binprm = binprm
        self.stack = stack

    def __call__(self):
        task = self.task
        started = False
        while self.binprm is not None or not started:
            started = True
            try:
                if task.dying:
                    break
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
        """Run the program, or the thread, to its end.

        The return of a program's main ends the process, that of a thread's function the thread; an exception that
        nobody has caught is a fault and ends the process.
        """
        task = self.task
        binprm = self.binprm
        self.binprm = None
        try:
            if binprm is None:
                task.abi.enter(self.kernel, task, self.stack)
                end_thread(task, 0)
                return
            task.exe = binprm.path
            if isinstance(binprm, elf_binprm):
                binprm.run(self.kernel, task)
                return
            force_exit(task, exit_status(binprm.load()(list(binprm.argv))))
        except ExecFormatError as error:
            self.kernel.complain(task, str(error))
            force_exit(task, EXIT_NOT_EXECUTABLE << 8)
        except SystemExit as ending:
            force_exit(task, exit_status(ending.code))
        except (GreenletExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            task.fault = error
            force_exit(task, SIGSEGV)


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
        pid = new_pid(kernel)
    if pid == 0:
        return -EAGAIN
    task = kernel.sched.new_task(pid, comm_of(binprm.path), kernel.pids)
    task.argv = binprm.argv
    task.environ = binprm.environ
    task.exe = binprm.path
    task.files = files
    task.fs = fs
    task.abi = python_abi()
    task.exit_signal = SIGCHLD
    # init is not killed by what it does not handle.
    task.signal.unkillable = pid == 1
    if parent is not None:
        adopt(parent.signal.leader, task)
        task.uid = parent.uid
        task.blocked = parent.blocked
        task.sighand = parent.sighand.ignored_only()
    set_context(task, kernel.arch.new_context(program_task(kernel, task, binprm)))
    kernel.pids.add(task)
    return task


def comm_of(path):
    """A task's name: the last part of its program's path."""
    return path.rpartition("/")[2][:COMM_LENGTH]


def new_pid(kernel):
    """A free pid, or 0 when there are none or too many tasks."""
    return kernel.pids.alloc() if kernel.pids.count() < MAX_TASKS else 0


def adopt(parent, task):
    """Make `task` a child of the process whose first thread is `parent`, in its group, session and terminal."""
    task.parent = parent
    parent.children.append(task)
    task.signal.inherit(parent.signal)
    task.pgrp = parent.pgrp
    task.session = parent.session
    task.tty = parent.tty


def set_context(task, context):
    task.context = context
    context.task = task
    task.mm = context.address_space


def bad_flags(flags):
    """True for flags of clone(2) that do not go together, or ask for namespaces."""
    return bool(
        (flags & CLONE_THREAD and not flags & CLONE_SIGHAND)
        or (flags & CLONE_SIGHAND and not flags & CLONE_VM)
        or flags & CLONE_NEW
        or flags & CSIGNAL > NSIG
    )


def copy_process(kernel, task, flags, stack, parent_tid, child_tid, tls):
    """clone(2): the new task, which does not run yet, or a negative errno."""
    if bad_flags(flags) or (flags & CLONE_PARENT and task.signal.unkillable):
        return -EINVAL
    result = task.abi.check(flags)
    if result < 0:
        return result
    if task.dying:
        return -EAGAIN
    pid = new_pid(kernel)
    if pid == 0:
        return -EAGAIN
    child = kernel.sched.new_task(pid, task.comm, kernel.pids)
    child.argv = task.argv
    child.environ = task.environ
    child.exe = task.exe
    child.uid = task.uid
    child.abi = task.abi
    child.blocked = task.blocked
    if not flags & CLONE_VM or flags & CLONE_VFORK:
        child.altstack = task.altstack
    child.sighand = task.sighand if flags & CLONE_SIGHAND else task.sighand.copy()
    if flags & CLONE_THREAD:
        child.tgid = task.tgid
        child.signal = task.signal
    context = task.abi.new_context(kernel, task, program_task(kernel, child, None, stack), flags, stack, tls)
    if isinstance(context, int):
        return context
    set_context(child, context)
    child.files = task.files.share(kernel.sched) if flags & CLONE_FILES else task.files.copy()
    child.fs = task.fs if flags & CLONE_FS else task.fs.copy()
    if flags & CLONE_THREAD:
        task.signal.threads.append(child)
        child.stopping = task.stopping
    else:
        child.exit_signal = flags & CSIGNAL
        parent = task.parent if flags & CLONE_PARENT else task.signal.leader
        if parent is not None:
            adopt(parent, child)
    kernel.pids.add(child)
    if flags & CLONE_PARENT_SETTID:
        put_user(task.mm, parent_tid, 4, pid)
    if flags & CLONE_CHILD_SETTID:
        put_user(child.mm, child_tid, 4, pid)
    if flags & CLONE_CHILD_CLEARTID:
        child.clear_child_tid = child_tid
    return child


def do_clone(kernel, task, flags, stack, parent_tid, child_tid, tls):
    """Make a task and let it run; its pid or a negative errno.  With CLONE_VFORK the caller waits until it is done."""
    child = copy_process(kernel, task, flags, stack, parent_tid, child_tid, tls)
    if isinstance(child, int):
        return child
    if flags & CLONE_VFORK:
        child.vfork_done = wait_queue_head()
    child.wake_up()
    sched = kernel.sched
    while child.vfork_done is not None and not task.dying:
        sched.prepare_to_wait(child.vfork_done)
        task.state = TASK_KILLABLE
        sched.schedule()
        if task.wait_entry.head is not None:
            sched.finish_wait(task.wait_entry.head)
    return child.pid


def end_other_threads(kernel, task):
    """execve in a program with threads: all others end, and the caller becomes the process's first.  False: it has to end."""
    group = task.signal
    if len(group.threads) == 1 and task.is_leader():
        return True
    if group.exec_waiter is not None or task.dying:
        return False
    group.exec_waiter = task
    for thread in group.threads:
        if thread is not task:
            end_thread(thread, 0)
    while len(group.threads) > 1 and not task.dying:
        task.state = TASK_KILLABLE
        kernel.sched.schedule()
    group.exec_waiter = None
    if task.dying:
        return False
    leader = group.leader
    if leader is not task:
        leader.state = EXIT_DEAD
        kernel.pids.remove(task)
        task.pid = leader.pid
        task.exit_signal = leader.exit_signal
        group.leader = task
        kernel.pids.add(task)
        parent = group.parent
        if parent is not None:
            parent.children[parent.children.index(leader)] = task
        for child in group.children:
            child.parent = task
    return True


def kthread(kernel, name, function):
    """Start a kernel thread that runs `function()`; returns its task."""
    task = kernel.sched.new_task(kernel.pids.alloc(), name[:COMM_LENGTH])
    task.flags |= PF_KTHREAD
    task.pgrp = task.session = 0
    task.abi = python_abi()
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
            arguments = binfmt.decode_arguments(binfmt.string_vector(task.mm, argv, task.abi.word))
            environ = binfmt.string_vector(task.mm, envp, task.abi.word)
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
        if not end_other_threads(self.kernel, task):
            raise TaskExit
        self.replace_program(task, binprm)
        raise TaskExec(binprm)

    def replace_program(self, task, binprm):
        """The point of no return: what belonged to the old program goes."""
        if task.files.users > 1:
            private = task.files.copy()
            task.files.put()
            task.files = private
        task.files.close_on_execve()
        task.sighand = task.sighand.ignored_only()
        task.frame_masks.clear()
        task.altstack = None
        task.clear_child_tid = 0
        task.robust_list = 0
        self.kernel.posix_timers.forget(task)
        task.comm = comm_of(binprm.path)
        task.argv = binprm.argv
        task.environ = binprm.environ
        context = task.context
        task.abi.leave(task)
        task.abi = python_abi()
        context.address_space = AddressSpace()
        context.thread_pointer = None
        context.signal_entry = None
        context.thread_entry = None
        context.frames.clear()
        task.mm = context.address_space
        vfork_release(task)

    def clone(self, task, flags, stack, parent_tid, tls, child_tid, a5):
        """long clone(unsigned long flags, void *stack, int *parent_tid, unsigned long tls, int *child_tid)"""
        return do_clone(self.kernel, task, flags, stack, parent_tid, child_tid, tls)

    def set_tid_address(self, task, address, a1, a2, a3, a4, a5):
        """pid_t set_tid_address(int *tidptr)"""
        task.clear_child_tid = address & 0xFFFFFFFFFFFFFFFF
        return task.pid

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
        table.register(SYS_clone, "clone", self.clone)
        table.register(SYS_set_tid_address, "set_tid_address", self.set_tid_address)


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
