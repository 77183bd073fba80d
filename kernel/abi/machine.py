"""What programs in machine code have in common, whatever their registers are called: `machine_abi`, to be subclassed."""

from kernel.abi import fpu
from kernel.abi.user import report_death, run_user, user_state
from kernel.arch.memory import Registers
from kernel.uapi.errno import ENOMEM
from kernel.uapi.sched import CLONE_SETTLS, CLONE_VM
from kernel.uapi.signal import SA_ONSTACK, SI_USER, SS_AUTODISARM, SYNCHRONOUS
from kernel.uapi.syscall import SYS_futex

MASK64 = 0xFFFFFFFFFFFFFFFF
# Instead of a number: there is no such call; the call answers what its `after` says without being made.
NO_CALL = -1
REFUSED = -2
# Both `syscall` and `int 0x80` take two bytes.
CALL_LENGTH = 2


def signed64(value):
    return value - (1 << 64) if value >> 63 else value


class machine_abi:
    """How programs of one kind and one kernel speak to each other.

    Subclasses give the registers (`result_register`, `ip_register`, `sp_register`), their width and mask, `xmms` and
    `native_call`, `arguments`, `setup_frame`, `sigreturn` and `set_tls`.
    """

    def __init__(self, kernel):
        self.kernel = kernel

    # --- starting ---

    def start(self, task, begin):
        """Give a task whose memory is loaded its first registers."""
        registers = Registers(task.mm)
        task.context.thread_pointer = user_state(registers)
        task.mm.load(registers)
        task.mm.put(self.ip_register, begin.entry)
        task.mm.put(self.sp_register, begin.stack)
        fpu.reset(task.mm, self.xmms)

    def check(self, flags):
        """clone(2) makes anything: threads, vforks and forks."""
        return 0

    def enter(self, kernel, task, stack):
        """What a forked task or a new thread does."""
        run_user(kernel, task)

    def leave(self, task):
        """A thread has ended: nothing keeps the memory but its other threads."""
        task.mm.mmput()
        task.mm = None
        task.context.address_space = None
        task.context.thread_pointer = None

    def new_context(self, kernel, task, body, flags, stack, tls):
        """The context of a new task that executes `body` with the caller's registers; -ENOMEM without memory for a copy."""
        mm = task.mm
        if flags & CLONE_VM:
            target = mm
            mm.users += 1
        else:
            try:
                target = mm.fork()
            except MemoryError:
                return -ENOMEM
        own = task.context.thread_pointer
        state = user_state(mm.copy_registers(target, own.registers))
        state.tls = dict(own.tls)
        context = kernel.arch.new_context(body)
        context.address_space = target
        context.thread_pointer = state
        target.load(state.registers)
        target.put(self.result_register, 0)
        if stack:
            target.put(self.sp_register, stack & self.mask)
        if flags & CLONE_SETTLS:
            self.set_tls(target, state, tls & self.mask)
        mm.load(own.registers)
        return context

    # --- calls ---

    def system_call(self, kernel, task, mm):
        """The program has made a call: carry it out and put its result into the register where it is expected."""
        number = mm.get(self.result_register) & 0xFFFFFFFF
        state = task.context.thread_pointer
        state.call = number
        native, arguments, after = self.native_call(mm, number, self.arguments(mm))
        if native != REFUSED and not kernel.syscalls.knows(native):
            kernel.unknown_calls[number] = kernel.unknown_calls.get(number, 0) + 1
        result = None
        try:
            result = kernel.arch.trap(task.context, native, arguments)
        finally:
            if after is not None:
                changed = after(result)
                result = result if changed is None else changed
        mm.load(state.registers)
        if state.call is not None:
            mm.put(self.result_register, result & self.mask)
            state.call = None
        if native == SYS_futex and result is not None and result > 0:
            # Who was woken goes first, as on Linux who has slept for long: a lock that is taken again at once starves nobody.
            kernel.sched.cond_resched()

    def finish_call(self, task, mm, result, restart):
        """Where a handler interrupts a call: the call's result, or the registers as they were before it."""
        state = task.context.thread_pointer
        number = state.call
        if result is None or number is None:
            return
        state.call = None
        if restart:
            mm.put(self.result_register, number)
            mm.put(self.ip_register, mm.get(self.ip_register) - CALL_LENGTH)
        else:
            mm.put(self.result_register, result & self.mask)

    # --- signals ---

    def catches(self, task):
        """Any program in machine code can have handlers."""
        return True

    def died(self, task, info):
        """A signal ends the program: where an instruction has raised it the log says so."""
        if info.signo in SYNCHRONOUS and info.code > SI_USER:
            report_death(self.kernel, task, info)

    def on_altstack(self, task):
        """True while the stack pointer is on the alternate signal stack."""
        if not task.altstack or not task.altstack[1] or task.altstack[2] & SS_AUTODISARM:
            return False
        task.mm.load(task.context.thread_pointer.registers)
        return 0 < task.mm.get(self.sp_register) - task.altstack[0] <= task.altstack[1]

    def stack_for(self, task, act, pointer):
        """Where the frame goes: below the red zone, or to the top of the alternate stack."""
        if act.flags & SA_ONSTACK and task.altstack and task.altstack[1] and not self.on_altstack(task):
            return task.altstack[0] + task.altstack[1]
        return pointer - self.red_zone

    def altstack_flags(self, task):
        """ss_flags of the stack in a frame."""
        if not task.altstack or not task.altstack[1]:
            return 2
        return 1 if self.on_altstack(task) else 0
