"""x86-64: the call convention, the table of calls, and signal frames (Linux, arch/x86/kernel/signal_64.c's layout)."""

from struct import Struct

from kernel.abi import fpu
from kernel.abi.machine import MASK64, NO_CALL, machine_abi, signed64
from kernel.abi.numbers import call_numbers
from kernel.arch.memory import REGISTERS
from kernel.arch.uaccess import copy_from_user, copy_to_user
from kernel.signal import force_exit, set_blocked
from kernel.uapi.errno import EINVAL
from kernel.uapi.sched import CLONE_VFORK, CLONE_VM
from kernel.uapi.signal import SA_RESTORER, SIGCHLD, SIGINFO_SIZE, SIGSEGV, SS_AUTODISARM
from kernel.uapi.syscall import SYS_accept4, SYS_clone, SYS_mmap2
from kernel.uapi.syscall_64 import SAME, NR_accept, NR_clone, NR_fork, NR_mmap, NR_vfork

LIMIT = 16 << 30

RAX, RIP, RSP = REGISTERS["rax"], REGISTERS["rip"], REGISTERS["rsp"]
RDI, RSI, RDX = REGISTERS["rdi"], REGISTERS["rsi"], REGISTERS["rdx"]
R10, R8, R9 = REGISTERS["r10"], REGISTERS["r8"], REGISTERS["r9"]
XMM_COUNT = 16
# ucontext's flags: the stack segment is in the frame, and is what sigreturn loads.
UC_FLAGS = 2 | 4

# struct ucontext: flags, link, stack (address, flags, size), then sigcontext: 16 registers, rip, eflags, segments,
# error, trap, old mask, cr2, the address of the floating-point state, reserved words; and the signal mask.
CONTEXT_ORDER = (
    "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "rdi", "rsi", "rbp", "rbx", "rdx", "rax", "rcx", "rsp", "rip",
    "eflags",
)  # fmt: skip
UCONTEXT = Struct("<QQQi4xQ18Q4H4QQ64xQ")
FRAME_SIZE = 8 + UCONTEXT.size + SIGINFO_SIZE
USER_CS, USER_SS = 0x33, 0x2B

class x86_64(machine_abi):
    """How x86-64 programs and one kernel speak to each other."""

    name = "x86-64"
    word = 8
    wide = True
    limit = LIMIT

    mask = MASK64
    red_zone = 128
    xmms = XMM_COUNT
    result_register, ip_register, sp_register = RAX, RIP, RSP
    shown = {name: number for name, number in REGISTERS.items() if name.startswith("r") or name == "eflags"}

    def __init__(self, kernel):
        super().__init__(kernel)
        self.numbers = call_numbers(SAME)

    def set_tls(self, mm, state, tls):
        """CLONE_SETTLS: the base of FS, where the C library has its thread."""
        mm.put(REGISTERS["fs_base"], tls)

    # --- calls ---

    def arguments(self, mm):
        """The six arguments of a call, as the kernel takes them."""
        return [signed64(mm.get(register)) for register in (RDI, RSI, RDX, R10, R8, R9)]

    def native_call(self, mm, number, arguments):
        """(the kernel's number of a call or NO_CALL, its arguments, what to do with its result afterwards or None)"""
        native = self.numbers.get(number, NO_CALL)
        if native != NO_CALL:
            return native, arguments, None
        if number == NR_accept:
            return SYS_accept4, [*arguments[:3], 0, 0, 0], None
        if number == NR_mmap:
            offset = arguments[5]
            # An offset that is no multiple of a page answers EINVAL: no mapping has this type.
            flags = 0 if offset & 4095 else arguments[3]
            return SYS_mmap2, [*arguments[:3], flags, arguments[4], (offset & MASK64) >> 12], None
        if number == NR_clone:
            flags, stack, parent_tid, child_tid, tls, _ = arguments
            return SYS_clone, [flags, stack, parent_tid, tls, child_tid, 0], None
        if number == NR_fork:
            return SYS_clone, [SIGCHLD, 0, 0, 0, 0, 0], None
        if number == NR_vfork:
            return SYS_clone, [CLONE_VFORK | CLONE_VM | SIGCHLD, 0, 0, 0, 0, 0], None
        return NO_CALL, arguments, None

    # --- signals ---

    def setup_frame(self, task, info, act, mask, result, restart):
        """Save the registers on the user's stack and continue in the handler; SIGSEGV where the stack is not writable."""
        mm = task.mm
        mm.load(task.context.thread_pointer.registers)
        self.finish_call(task, mm, result, restart)
        pointer = self.stack_for(task, act, mm.get(RSP))
        fpstate = pointer - fpu.FXSAVE_SIZE & ~63
        frame = (fpstate - FRAME_SIZE & ~15) - 8
        altstack = task.altstack or (0, 0, 0)
        registers = [mm.get(REGISTERS[name]) for name in CONTEXT_ORDER]
        context = UCONTEXT.pack(
            UC_FLAGS, 0, altstack[0], self.altstack_flags(task), altstack[1], *registers,
            USER_CS, 0, 0, USER_SS, 0, 0, 0, info.address, fpstate & MASK64, mask,
        )  # fmt: skip
        raw = act.restorer.to_bytes(8, "little") + context + info.pack()
        if not act.flags & SA_RESTORER or not (
            copy_to_user(mm, fpstate & MASK64, fpu.fxsave(mm, XMM_COUNT)) and copy_to_user(mm, frame & MASK64, raw)
        ):
            force_exit(task, SIGSEGV)
            return
        if altstack[2] & SS_AUTODISARM:
            task.altstack = None
        fpu.reset(mm, XMM_COUNT)
        mm.put(RDI, info.signo)
        mm.put(RSI, frame + 8 + UCONTEXT.size)
        mm.put(RDX, frame + 8)
        mm.put(RAX, 0)
        mm.put(RSP, frame)
        mm.put(RIP, act.handler)

    def restore_floats(self, mm, address):
        """The floating-point registers of a frame that has them at `address` (0: nowhere); False for a bad one."""
        if address == 0:
            fpu.reset(mm, XMM_COUNT)
            return True
        image = copy_from_user(mm, address, fpu.FXSAVE_SIZE)
        return image is not None and fpu.fxrstor(mm, image, XMM_COUNT)

    def sigreturn(self, task):
        """The handler has returned: registers, mask and alternate stack are what the frame says."""
        mm = task.mm
        mm.load(task.context.thread_pointer.registers)
        raw = copy_from_user(mm, mm.get(RSP), UCONTEXT.size)
        if raw is None:
            force_exit(task, SIGSEGV)
            return -EINVAL
        fields = UCONTEXT.unpack(raw)
        for name, value in zip(CONTEXT_ORDER, fields[5:23], strict=True):
            mm.put(REGISTERS[name], value)
        if not self.restore_floats(mm, fields[31]):
            force_exit(task, SIGSEGV)
            return -EINVAL
        if fields[3] != 2 and fields[4]:
            task.altstack = (fields[2], fields[4], 0)
        # The registers are final: there is no result to put into RAX.
        task.context.thread_pointer.call = None
        set_blocked(task, fields[32])
        return signed64(mm.get(RAX))

