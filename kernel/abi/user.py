"""The loop in which a machine-code program runs: execute, serve the call or the fault, deliver signals, again."""

from kernel.arch.memory import FAULT, SYSCALL, UNDEFINED, UNMAPPED
from kernel.sched.ending import TaskExit
from kernel.signal import force_signal, siginfo
from kernel.signal_delivery import deliver_signals
from kernel.time.itimer import run_cpu_timers
from kernel.uapi.signal import (
    BUS_ADRERR,
    FPE_INTDIV,
    ILL_ILLOPN,
    SEGV_ACCERR,
    SEGV_MAPERR,
    SI_KERNEL,
    SIGBUS,
    SIGFPE,
    SIGILL,
    SIGSEGV,
    SIGTRAP,
    TRAP_BRKPT,
)

# Instructions until somebody else may run, and how long one takes: a machine of a hundred MIPS, about what is emulated.
SLICE = 10000
NS_PER_INSTRUCTION = 10
# The same by nice values from -20 to 19: a step weighs a quarter; a turn is between 200 instructions and 0.4 ms.
SLICES = tuple(min(40000, max(200, round(SLICE * 1.25**-nice))) for nice in range(-20, 20))

VECTOR_DIVIDE = 0
VECTOR_DEBUG = 1
VECTOR_BREAKPOINT = 3
VECTOR_X87 = 16
VECTOR_SIMD = 19


class user_state:
    """What the kernel keeps of a thread in machine code: its registers, and the number of the call that it is in.

    `call` is None outside a call, and once a signal frame has taken the registers over.
    """

    def __init__(self, registers):
        self.registers = registers
        self.call = None
        # i386: the descriptors of set_thread_area, by entry.
        self.tls = {}


def run_user(kernel, task):
    """Run the program of the current task until it ends (TaskExit) or is replaced (TaskExec)."""
    registers = task.context.thread_pointer.registers
    mm = task.mm
    abi = task.abi
    clock = kernel.arch.clock
    debugger = kernel.debugger
    try:
        while True:
            if task.dying:
                raise TaskExit
            mm.load(registers)
            if task.context.thread_pointer.tls:
                abi.write_table(mm, task.context.thread_pointer)
            before = mm.instructions
            turn = SLICES[task.signal.nice + 20]
            reason = mm.run(turn) if debugger is None else debugger.run(task, mm, turn)
            spent = (mm.instructions - before) * NS_PER_INSTRUCTION
            task.utime += spent
            clock.advance(spent)
            if task.signal.cpu_timers:
                run_cpu_timers(task)
            if reason == SYSCALL:
                abi.system_call(kernel, task, mm)
                continue
            if reason == FAULT:
                info = fault_info(abi, mm)
                force_signal(task, info.signo, info)
            else:
                kernel.arch.interruptible_point()
                kernel.sched.cond_resched()
            if task.sigpending:
                deliver_signals(task)
    finally:
        mm.drop(registers)


def fault_info(abi, mm):
    """The siginfo of the signal that the instruction raises which could not be executed."""
    address = mm.get(abi.ip_register)
    if mm.fault == UNDEFINED:
        sig, code = SIGILL, ILL_ILLOPN
    elif mm.vector in (VECTOR_DIVIDE, VECTOR_X87, VECTOR_SIMD):
        sig, code = SIGFPE, FPE_INTDIV
    elif mm.vector in (VECTOR_DEBUG, VECTOR_BREAKPOINT):
        sig, code = SIGTRAP, TRAP_BRKPT
    elif mm.vector >= 0:
        sig, code = SIGSEGV, SI_KERNEL
        address = 0
    elif mm.fault == UNMAPPED and mm.past_the_file(mm.fault_address):
        sig, code = SIGBUS, BUS_ADRERR
        address = mm.fault_address
    else:
        sig = SIGSEGV
        code = SEGV_MAPERR if mm.fault == UNMAPPED else SEGV_ACCERR
        address = mm.fault_address
    info = siginfo(sig, code)
    info.address = address
    return info


def register_dump(mm, shown):
    """The registers `shown` (name: unicorn's number) of the loaded thread as lines of text."""
    words = [f"{name:>6} {mm.get(number):016x}" for name, number in shown.items()]
    return ["  ".join(words[start : start + 4]) for start in range(0, len(words), 4)]


def report_death(kernel, task, info):
    """Say what killed a program and where, with its registers, as Linux's log does."""
    mm = task.mm
    mm.load(task.context.thread_pointer.registers)
    abi = task.abi
    text = f"{task.comm}[{task.pid}]: killed by signal {info.signo} at {info.address:x} ip {mm.get(abi.ip_register):x}"
    text += f" sp {mm.get(abi.sp_register):x}"
    kernel.printk.printk(text, 6)
    for line in register_dump(mm, abi.shown):
        kernel.printk.printk("  " + line, 7)
