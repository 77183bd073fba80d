"""`Kernel`: one booted system, and `start_kernel`, the order in which it comes up.

The first context runs start_kernel as task 0, so that initialisation may sleep; it ends when pid 1 has been made.
"""

import traceback

from kernel.arch.arch import TIMER_IRQ, Arch
from kernel.arch.console import second_port
from kernel.exec import exec as binfmt
from kernel.fs import proc_pid
from kernel.fs.file import files_struct, get_file
from kernel.fs.open import do_filp_open
from kernel.futex import futex_table
from kernel.init import poweroff, rootfs, tables
from kernel.irq.irq import IRQ
from kernel.leaks import core_leaks
from kernel.mm.slab import Slab
from kernel.net.core.skbuff import skbuff_cache
from kernel.printk import DEFAULT_CONSOLE_LOGLEVEL, Printk
from kernel.sched import exit as task_exit
from kernel.sched import fork
from kernel.sched.core import Scheduler
from kernel.sched.pid import pid_table
from kernel.sched.state import PF_KTHREAD, TASK_INTERRUPTIBLE, TASK_RUNNING
from kernel.signal import force_exit
from kernel.signal_delivery import python_abi
from kernel.softirq import TIMER_SOFTIRQ, SoftIRQ
from kernel.syscalls import SyscallTable
from kernel.time.itimer import itimer_table
from kernel.time.tick import tick_irqaction
from kernel.time.timer import TimerBase
from kernel.tty.serial import serial_init
from kernel.uapi.fcntl import O_NOCTTY, O_RDWR
from kernel.uapi.signal import SIGINT, SIGSEGV

RELEASE = "6.1.0-hwemu"
VERSION = "#1 hwemu"
MACHINE_NAME = "hwemu"
# Without a battery-backed clock the machine believes that it was switched on at this moment (1 January 2026).
DEFAULT_BOOT_TIME = 1767225600 * 1000000000
INIT_PID = 1
INIT_PROGRAMS = ("/sbin/init", "/etc/init", "/bin/init", "/bin/sh")
INIT_ENVIRON = ["HOME=/root", "PATH=/bin:/sbin", "TERM=linux"]
CORE_EVENTS = {
    "irq_entry": "irq {0}",
    "softirq": "{0}",
    "syscall": "{0}[{1}] {2} = {3}",
}


class Kernel:
    """A kernel for `machine`; `start()` switches it on.

    `cmdline` is the kernel command line as a dictionary of strings: `init` (the program of pid 1), `console` ("pipe": the
    console changes no byte and echoes none), `stderr` ("ttyS1": the second serial port takes the log and what init and its
    children write to descriptor 2), `quiet`, `loglevel`, `hostname`, `boot_time` (ns since the epoch),
    `share` (a folder of the host for /host), `root` (one whose /usr and /etc the machine has), `panic_on_oops`, `dma_debug`,
    `net` ("off": neither network nor PCI).  `initramfs` maps paths to bytes.
    """

    def __init__(self, machine, cmdline=None, initramfs=None):
        self.machine = machine
        self.cmdline = {} if cmdline is None else cmdline
        self.initramfs = {} if initramfs is None else initramfs
        self.release = RELEASE
        self.version = VERSION
        self.machine_name = MACHINE_NAME
        self.banner = f"Linux version {RELEASE} (hwemu) {VERSION}"
        self.hostname = self.cmdline.get("hostname", "hwemu")
        self.boot_time = int(self.cmdline.get("boot_time", DEFAULT_BOOT_TIME))
        self.arch = Arch(machine)
        self.trace = self.arch.trace
        self.trace.declare(CORE_EVENTS)
        self.random = self.arch.random
        self.softirq = SoftIRQ()
        self.timers = TimerBase(self.arch)
        self.printk = Printk(self.timers.now, self.console_write)
        self.printk.console_loglevel = 4 if "quiet" in self.cmdline else DEFAULT_CONSOLE_LOGLEVEL
        if "loglevel" in self.cmdline:
            self.printk.console_loglevel = int(self.cmdline["loglevel"])
        self.irq = IRQ(self.arch, self.softirq, self.printk)
        self.sched = Scheduler(self.arch, self.timers)
        self.pids = pid_table()
        self.alarms = itimer_table(self.timers)
        self.futexes = futex_table(self)
        self.syscalls = SyscallTable(self.arch, self.sched)
        self.slab = None
        self.skb_cache = None
        self.console = None
        self.tty_s1 = None
        self.ptys = None
        self.tty_operations = None
        self.vfs = None
        self.proc = None
        self.sysctl = None
        self.net = None
        self.pci = None
        self.mounts = []
        self.init_task = None
        self.last_task = None
        self.tick_line = None
        self.serial_lines = []
        self.powering_off = False
        self.oopses = []
        # How often which call was made that there is not.
        self.unknown_calls = {}
        # Nanoseconds on the CPU of all threads that have ended.
        self.ended_utime = 0
        self.ended_stime = 0
        # What executes programs in machine code in place of the CPU alone: `run(task, mm, slice)`.
        self.debugger = None
        self.leak_checks = []
        self.shutdown_calls = []

    # --- power on ---

    def start(self):
        """Switch on: the boot context runs as soon as the clock does."""
        context = self.arch.new_context(self.start_kernel)
        swapper = self.sched.new_task(0, "swapper")
        swapper.state = TASK_RUNNING
        swapper.abi = python_abi()
        swapper.context = context
        context.task = swapper
        self.sched.current = swapper
        self.arch.set_interrupt_entry(self.irq)
        self.arch.set_syscall_entry(self.syscalls)
        self.arch.switch_to(context)

    def start_kernel(self):
        """The boot order."""
        self.printk.printk(self.banner)
        self.printk.printk("Command line: " + proc_pid.command_line(self.cmdline))
        self.mm_init()
        self.trap_init()
        self.time_init()
        self.console_init()
        rootfs.vfs_init(self)
        tables.register_syscalls(self)
        self.arch.local_irq_enable()
        self.softirq.ksoftirqd = self.kthread("ksoftirqd/0", self.run_ksoftirqd)
        if self.cmdline.get("net") != "off":
            self.net_init()
        rootfs.populate(self)
        self.run_init()
        self.sched.current.flags |= PF_KTHREAD
        task_exit.do_exit(self, self.sched.current)

    def mm_init(self):
        self.slab = Slab(self.arch.memory)
        self.skb_cache = skbuff_cache(self.slab, self.trace)
        self.printk.printk(f"Memory: {self.arch.memory.size // 1024}K available")

    def trap_init(self):
        self.syscalls.on_oops = self.oops
        self.syscalls.on_stubborn = self.stubborn
        for subsystem in (self.softirq, self.irq, self.syscalls):
            subsystem.trace = self.trace

    def time_init(self):
        self.softirq.open_softirq(TIMER_SOFTIRQ, self.timers)
        action = tick_irqaction(self.timers, self.softirq)
        self.irq.request_irq(TIMER_IRQ, action, 0, "timer")
        self.tick_line = (TIMER_IRQ, action)

    def console_init(self):
        self.console, self.tty_s1, self.serial_lines = serial_init(self)

    def net_init(self):
        """The network and the devices on the PCI bus; a kernel with `net=off` does not even load them."""
        from kernel.net.init import net_init
        from kernel.pci.pci import pci_init

        net_init(self)
        pci_init(self)
        self.add_shutdown(self.pci.shutdown)

    def run_ksoftirqd(self):
        """The task that runs what softirqs leave over."""
        while True:
            if self.softirq.pending == 0:
                self.sched.current.state = TASK_INTERRUPTIBLE
                self.sched.schedule()
                continue
            self.softirq.do_softirq()
            self.arch.interruptible_point()
            self.sched.cond_resched()

    def run_init(self):
        """Make pid 1 from the first init program that there is."""
        fs = self.vfs.copy()
        candidates = (self.cmdline["init"],) if "init" in self.cmdline else INIT_PROGRAMS
        for path in candidates:
            environ = [entry.encode("utf-8", "surrogateescape") for entry in INIT_ENVIRON]
            binprm = binfmt.prepare(fs, path, [path], environ)
            if not isinstance(binprm, int):
                break
        else:
            self.panic("No working init found.")
            return
        files = files_struct()
        self.open_console(files)
        task = fork.new_program(self, None, binprm, files, fs, INIT_PID)
        task.session = task.pgrp = task.pid
        task.tty = self.console
        self.console.session = task.pid
        self.console.foreground = task.pid
        self.init_task = task
        self.printk.printk(f"Run {binprm.path} as init process")
        task.wake_up()

    def open_console(self, files):
        """Make the console descriptors 0, 1 and 2 of a table; with `stderr=ttyS1` the second port is 2."""
        errors = "/dev/ttyS1" if self.cmdline.get("stderr") == "ttyS1" else "/dev/console"
        for fd, path in enumerate(("/dev/console", "/dev/console", errors)):
            if fd and path == "/dev/console":
                filp = get_file(files.fget(0))
            else:
                filp = do_filp_open(self.sched.current, self.vfs, path, O_RDWR | O_NOCTTY, 0)
            if isinstance(filp, int):
                self.printk.printk("Warning: unable to open an initial console.", 4)
                return
            files.install_new(filp)

    # --- services ---

    def kthread(self, name, function):
        """Start a kernel thread that runs `function()`; returns its task."""
        return fork.kthread(self, name, function)

    def console_write(self, text):
        """Put text on the console with the terminal's output processing."""
        data = text.encode("utf-8", "replace")
        if self.cmdline.get("stderr") == "ttyS1":
            second_port(self.arch).write(data)
        elif self.console is None:
            self.arch.console.write(data if self.cmdline.get("console") == "pipe" else data.replace(b"\n", b"\r\n"))
        else:
            self.console.output(data)

    def complain(self, task, text):
        """Write one line to a task's standard error."""
        task_exit.complain(self, task, text)

    def group_exists(self, group, session):
        """True when the session has a process group of that number."""
        return any(task.pgrp == group and task.session == session for task in self.pids.tasks())

    def set_hostname(self, text):
        """/proc/sys/kernel/hostname was written."""
        self.hostname = text.strip()[:64]

    # --- when things go wrong ---

    def oops(self, task, call, error):
        """A bug of the kernel showed in a system call: the task dies.  In interrupt context the machine does, too."""
        if self.softirq.in_interrupt() or self.cmdline.get("panic_on_oops"):
            raise error
        self.oopses.append(f"{type(error).__name__}: {error} in {call} of {task.comm}[{task.pid}]")
        self.printk.printk(f"BUG: {self.oopses[-1]}", 1)
        for line in "".join(traceback.format_exception(error)).rstrip().split("\n"):
            self.printk.printk(f"  {line}", 7)
        force_exit(task, SIGSEGV)
        return 0

    def stubborn(self, task):
        """A dying task does not let itself be unwound."""
        task_exit.stubborn_exit(self, task)

    def panic(self, text):
        """The machine can not go on: say why and switch it off with status 1."""
        self.printk.printk(f"Kernel panic - not syncing: {text}", 0)
        self.power_off(1)

    def init_died(self, task):
        """pid 1 has ended: so does the machine, with its status."""
        if self.powering_off:
            return
        code = task.signal.exit_code
        if code & 0x7F:
            self.printk.printk(f"Kernel panic - not syncing: Attempted to kill init! exitcode={code:#010x}", 0)
            self.power_off(128 + (code & 0x7F))
        else:
            self.power_off(code >> 8 & 0xFF)

    # --- power off ---

    def power_off(self, status=0):
        """Called by a task: end every program, close the devices, switch the machine off with `status`."""
        poweroff.power_off(self, status)

    def power_button(self, status=0):
        """Called from outside the CPU: the machine powers off cleanly as soon as the clock runs."""
        self.kthread("poweroff", lambda: self.power_off(status))
        self.arch.kick()

    def interrupt_key(self):
        """Called from outside the CPU: as if the interrupt key were pressed on the console."""
        self.console.signal(SIGINT)
        self.arch.kick()

    def add_shutdown(self, callback):
        """Call `callback()` at power-off, when no program runs any more; the last one added comes first."""
        self.shutdown_calls.append(callback)

    def add_leak_check(self, check):
        """`check()` returns a list of strings, empty when nothing is left after power-off."""
        self.leak_checks.append(check)

    def leak_report(self):
        """What is left over after power-off, and every oops on the way; empty when all accounts are balanced."""
        found = [f"oops: {oops}" for oops in self.oopses] + core_leaks(self)
        for check in self.leak_checks:
            found += check()
        return found
