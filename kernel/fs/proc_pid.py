"""/proc/PID: what each task shows of itself, and the files about the machine that the kernel core owns."""

from kernel.fs.proc_fd import fd_directory, fdinfo_directory
from kernel.fs.procfs import proc_dir
from kernel.sched.rlimit import show_limits
from kernel.sched.state import EXIT_ZOMBIE, PF_KTHREAD, TASK_INTERRUPTIBLE, TASK_RUNNING, TASK_STOPPED
from kernel.uapi.fcntl import PIPE_MAX_UNPRIVILEGED
from kernel.uapi.mman import PROT_EXEC, PROT_READ, PROT_WRITE
from kernel.uapi.resource import NR_OPEN
from kernel.uapi.signal import SIG_IGN

NSEC_PER_CLOCK_TICK = 10000000


def state_letter(task):
    """R, S, D, T or Z, as ps shows it."""
    if task.state == TASK_RUNNING:
        return "R"
    if task.state == EXIT_ZOMBIE:
        return "Z"
    if task.state == TASK_STOPPED:
        return "T"
    return "S" if task.state == TASK_INTERRUPTIBLE else "D"


def parent_pid(task):
    return task.parent.pid if task.parent is not None else 0


def actions_mask(task, ignored):
    """The signals that a process ignores, or has handlers for."""
    return sum(1 << (sig - 1) for sig, act in task.sighand.actions.items() if act.handler and (act.handler == SIG_IGN) == ignored)


def show_status(task):
    names = {"R": "running", "S": "sleeping", "D": "disk sleep", "T": "stopped", "Z": "zombie"}
    letter = state_letter(task)
    lines = [
        f"Name:\t{task.comm}",
        f"State:\t{letter} ({names[letter]})",
        f"Tgid:\t{task.tgid}",
        f"Pid:\t{task.pid}",
        f"PPid:\t{parent_pid(task)}",
        f"Uid:\t{task.uid}\t{task.uid}\t{task.uid}\t{task.uid}",
        f"FDSize:\t{len(task.files.fd) if task.files is not None else 0}",
    ]
    if not task.is_kthread():
        lines.append(f"Threads:\t{len(task.signal.threads)}")
        lines.append(f"SigPnd:\t{task.pending.mask:016x}")
        lines.append(f"ShdPnd:\t{task.signal.shared_pending.mask:016x}")
        lines.append(f"SigBlk:\t{task.blocked:016x}")
        lines.append(f"SigIgn:\t{actions_mask(task, True):016x}")
        lines.append(f"SigCgt:\t{actions_mask(task, False):016x}")
    lines.append(f"voluntary_ctxt_switches:\t{task.switches}")
    return "\n".join(lines) + "\n"


def show_stat(task):
    tty = task.tty.device if task.tty is not None else 0
    group = task.tty.foreground if task.tty is not None else -1
    flags = task.flags & PF_KTHREAD
    started = task.start_time // NSEC_PER_CLOCK_TICK
    head = f"{task.pid} ({task.comm}) {state_letter(task)} {parent_pid(task)} {task.pgrp} {task.session} {tty} {group} {flags}"
    user, system = (spent // NSEC_PER_CLOCK_TICK for spent in task.signal.cpu_time())
    nice, threads = task.signal.nice, len(task.signal.threads)
    return f"{head} 0 0 0 0 {user} {system} 0 0 {20 + nice} {nice} {threads} 0 {started}" + " 0" * 30 + "\n"


def show_cmdline(task):
    return b"".join(word.encode("utf-8", "surrogateescape") + b"\0" for word in task.argv)


def show_environ(task):
    return b"".join(entry + b"\0" for entry in task.environ)


RIGHTS = (("r", PROT_READ), ("w", PROT_WRITE), ("x", PROT_EXEC))


def show_maps(task):
    """What a program in machine code has mapped (proc_pid_maps(5)); a program in Python has nothing that could be shown."""
    lines = []
    for area in getattr(task.mm, "areas", ()):
        rights = "".join(letter if area.prot & bit else "-" for letter, bit in RIGHTS)
        head = f"{area.start:08x}-{area.end:08x} {rights}{'p' if area.mapping is None else 's'} {area.offset:08x} 00:00 0"
        lines.append(f"{head.ljust(72)} {area.name}\n" if area.name else head + "\n")
    return "".join(lines)


class pid_directories:
    """The numbered directories of /proc."""

    def __init__(self, proc, pids, sched, show_mounts):
        self.proc = proc
        self.pids = pids
        self.sched = sched
        self.show_mounts = show_mounts

    def make(self, task):
        children = proc_dir()
        files = children.children
        files["status"] = self.proc.new_file(lambda: show_status(task))
        files["stat"] = self.proc.new_file(lambda: show_stat(task))
        files["cmdline"] = self.proc.new_file(lambda: show_cmdline(task))
        files["environ"] = self.proc.new_file(lambda: show_environ(task))
        files["comm"] = self.proc.new_file(lambda: task.comm + "\n")
        files["exe"] = self.proc.new_link(lambda: task.exe)
        files["cwd"] = self.proc.new_link(lambda: task.fs.pwd.path() if task.fs is not None else "/")
        files["root"] = self.proc.new_link(lambda: task.fs.root.path() if task.fs is not None else "/")
        files["fd"] = self.proc.new_dir(fd_directory(self.proc, task))
        files["fdinfo"] = self.proc.new_dir(fdinfo_directory(self.proc, task))
        files["limits"] = self.proc.new_file(lambda: show_limits(task.files) if task.files is not None else "")
        files["maps"] = self.proc.new_file(lambda: show_maps(task))
        files["mounts"] = self.proc.new_file(self.show_mounts)
        return self.proc.new_dir(children)

    def self_link(self):
        return self.proc.new_link(lambda: str(self.sched.current.pid))

    def list(self):
        return [("self", self.self_link()), *((str(task.pid), self.make(task)) for task in self.pids.tasks() if task.is_leader())]

    def get(self, name):
        if name == "self":
            return self.self_link()
        if not name.isascii() or not name.isdigit():
            return None
        task = self.pids.find(int(name))
        return self.make(task) if task is not None else None


def command_line(cmdline):
    """The kernel command line as one line of text; values with blanks or quotes are quoted, with backslash escapes."""
    words = []
    for key, value in cmdline.items():
        text = str(value)
        if text == "":
            words.append(key)
        else:
            quoted = text.replace("\\", "\\\\").replace('"', '\\"')
            words.append(f'{key}="{quoted}"' if any(mark in text for mark in ' \t\n"') else f"{key}={text}")
    return " ".join(words)


def proc_init(kernel):
    """Create what the kernel core shows in /proc."""
    proc = kernel.proc
    proc.root.i_private.dynamic = pid_directories(proc, kernel.pids, kernel.sched, lambda: show_mounts(kernel))
    proc.create("interrupts", kernel.irq.show)
    proc.create("softirqs", kernel.softirq.show)
    proc.create("uptime", lambda: f"{kernel.timers.now() / 1e9:.2f} 0.00\n")
    proc.create("version", lambda: kernel.banner + "\n")
    proc.create("cmdline", lambda: command_line(kernel.cmdline) + "\n")
    proc.create("meminfo", lambda: show_meminfo(kernel))
    proc.create("stat", lambda: show_kernel_stat(kernel))
    proc.symlink("mounts", "self/mounts")
    proc.create("filesystems", lambda: "nodev\tramfs\nnodev\tproc\nnodev\ttmpfs\nnodev\tdevtmpfs\nnodev\tdevpts\nnodev\thostfs\n")
    proc.create("sys/kernel/hostname", lambda: kernel.hostname + "\n", kernel.set_hostname)
    proc.create("sys/fs/nr_open", lambda: f"{NR_OPEN}\n")
    proc.create("sys/fs/pipe-max-size", lambda: f"{PIPE_MAX_UNPRIVILEGED}\n")
    proc.create("sys/kernel/ostype", lambda: "Linux\n")
    proc.create("sys/kernel/osrelease", lambda: kernel.release + "\n")


def show_mounts(kernel):
    """A line for each mounted file system: what, where, type, options (fstab(5))."""
    return "".join(f"{sb.name} {path} {sb.name} {'ro' if sb.read_only else 'rw'} 0 0\n" for path, sb in kernel.mounts)


def show_meminfo(kernel):
    total = kernel.arch.memory.size // 1024
    slab = kernel.slab.bytes_in_use // 1024 if kernel.slab is not None else 0
    shared = kernel.shm.sb.used // 1024
    return f"MemTotal: {total:>14} kB\nMemFree: {total - slab:>15} kB\nShmem: {shared:>17} kB\nSlab: {slab:>18} kB\n"


def show_cpu(kernel):
    """What the one CPU has done (proc_stat(5)), in ticks of 1/100 s: user, nice, system, idle, and six that are always 0."""
    user, system = kernel.ended_utime, kernel.ended_stime
    for task in kernel.pids.tasks():
        if task in task.signal.threads:
            user += task.utime
            system += task.system_time()
    idle = max(0, kernel.timers.now() - user - system)
    return " ".join(str(spent // NSEC_PER_CLOCK_TICK) for spent in (user, 0, system, idle)) + " 0" * 6


def show_kernel_stat(kernel):
    interrupts = sum(desc.count for desc in kernel.irq.descs)
    softirqs = sum(vector.count for vector in kernel.softirq.vectors)
    cpu = show_cpu(kernel)
    return (
        f"cpu  {cpu}\ncpu0 {cpu}\n"
        f"intr {interrupts}\nctxt {kernel.sched.switches}\nbtime {kernel.boot_time // 1000000000}\n"
        f"processes {kernel.pids.last}\nprocs_running {kernel.sched.nr_running + 1}\nsoftirq {softirqs}\n"
        f"syscalls {kernel.syscalls.total}\n"
    )
