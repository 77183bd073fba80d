"""i386: `int 0x80`, its numbers (which are the kernel's own), thread-local storage, and signal frames.

Structures that lie differently in 32-bit memory are `kernel/abi/compat.py`'s business.  Layouts of frames: Linux,
arch/x86/kernel/signal_32.c and asm/sigframe.h.
"""

from struct import Struct

from kernel.abi import fpu
from kernel.abi.compat import CONVERTERS, NOT_CONVERTED, SAME_LAYOUT
from kernel.abi.machine import NO_CALL, machine_abi
from kernel.arch.uaccess import copy_from_user, copy_to_user
from kernel.signal import force_exit, set_blocked
from kernel.uapi.errno import EFAULT, EINVAL, ESRCH
from kernel.uapi.signal import SA_RESTORER, SA_SIGINFO, SIGINFO_SIZE, SIGSEGV
from kernel.uapi.syscall import NR_SYSCALLS, SYS_lseek, SYS_rt_sigreturn

LIMIT = 0xC0000000
XMM_COUNT = 8
MASK32 = 0xFFFFFFFF
# unicorn's numbers of the 32-bit registers.
EAX, EBP, EBX, ECX, EDI, EDX, EFLAGS, EIP, ESI, ESP = 19, 20, 21, 22, 23, 24, 25, 26, 29, 30
DS, ES, GS, SS, GDTR = 17, 28, 33, 49, 243

NR_sigreturn = 119
NR_set_thread_area = 243

# The descriptors of set_thread_area are entries 6 to 8 of a table in the last page, which no program can map.
TABLE = LIMIT - 4096
TLS_FIRST, TLS_LAST = 6, 8
# entry_number, base, limit, flags.
USER_DESC = Struct("<iIII")
# The table's register as unicorn takes it: selector, base, limit, flags.
TABLE_REGISTER = Struct("<H6xQII")
# Present, for user mode, data that can be written, and accessed: the CPU would set that bit itself.
PRESENT_USER_DATA = 0xF3
# Entry 2: all of memory, as data of the engine's privilege level, for SS, DS and ES.
FLAT = 2
FLAT_DESCRIPTOR = 0x00CF93000000FFFF

# struct sigcontext: segments gs, fs, es, ds; edi to eax; trapno, err; eip, cs, eflags, esp, ss; fpstate, oldmask, cr2.
SIGCONTEXT = Struct("<4I8I2I5I3I")
CONTEXT_ORDER = (EDI, ESI, EBP, ESP, EBX, EDX, ECX, EAX)
# rt_sigframe: return address, signal, &info, &context; then siginfo, and ucontext: flags, link, stack (3 words).
RT_HEAD = Struct("<4I")
UCONTEXT_HEAD = Struct("<5I")
USER_CS, USER_DS = 0x23, 0x2B


class i386(machine_abi):
    """How i386 programs and one kernel speak to each other."""

    name = "i386"
    word = 4
    wide = False
    limit = LIMIT
    mask = MASK32
    red_zone = 0
    xmms = XMM_COUNT
    result_register, ip_register, sp_register = EAX, EIP, ESP
    shown = {
        "eax": EAX, "ebx": EBX, "ecx": ECX, "edx": EDX, "esi": ESI, "edi": EDI, "ebp": EBP, "esp": ESP, "eip": EIP,
        "eflags": EFLAGS, "gs": GS,
    }  # fmt: skip

    def start(self, task, begin):
        mm = task.mm
        super().start(task, begin)
        self.map_table(mm)
        mm.put_bytes(GDTR, TABLE_REGISTER.pack(0, TABLE, 8 * (TLS_LAST + 1) - 1, 0))
        for segment in (SS, DS, ES):
            mm.put(segment, 8 * FLAT)

    def map_table(self, mm):
        """The page with the descriptor table; the engine reads it, the program can not change it."""
        if not mm.rights(TABLE):
            mm.map_pages(TABLE, 4096, 1)
            mm.poke(TABLE + 8 * FLAT, FLAT_DESCRIPTOR.to_bytes(8, "little"))

    def new_context(self, kernel, task, body, flags, stack, tls):
        context = super().new_context(kernel, task, body, flags, stack, tls)
        if not isinstance(context, int):
            self.map_table(context.address_space)
            self.write_table(context.address_space, context.thread_pointer)
        return context

    # --- thread-local storage ---

    def write_table(self, mm, state):
        """The descriptors of the thread that is about to run."""
        for entry, (base, limit, flags) in state.tls.items():
            granular = 1 if flags & 0x10 else 0
            low = (base & 0xFFFF) << 16 | limit & 0xFFFF
            high = base & 0xFF000000 | granular << 23 | 1 << 22 | limit & 0xF0000 | PRESENT_USER_DATA << 8 | base >> 16 & 0xFF
            mm.poke(TABLE + 8 * entry, (low | high << 32).to_bytes(8, "little"))

    def set_tls(self, mm, state, tls):
        """CLONE_SETTLS: `tls` points to a struct user_desc, whose entry is the one that the parent has in GS."""
        raw = copy_from_user(mm, tls, USER_DESC.size)
        if raw is not None:
            self.install(mm, state, *USER_DESC.unpack(raw))

    def install(self, mm, state, entry, base, limit, flags):
        if not TLS_FIRST <= entry <= TLS_LAST:
            return -EINVAL
        state.tls[entry] = (base, limit, flags)
        self.write_table(mm, state)
        if mm.get(GS) >> 3 == entry:
            # A selector that is loaded already keeps the old base.
            mm.put(GS, entry << 3 | 3)
        return 0

    def set_thread_area(self, task, mm, address):
        """int set_thread_area(struct user_desc *u_info): entry -1 asks for a free one"""
        raw = copy_from_user(mm, address, USER_DESC.size)
        if raw is None:
            return -EFAULT
        entry, base, limit, flags = USER_DESC.unpack(raw)
        state = task.context.thread_pointer
        if entry == -1:
            entry = next((place for place in range(TLS_FIRST, TLS_LAST + 1) if place not in state.tls), 0)
            if entry == 0:
                return -ESRCH
            if not copy_to_user(mm, address, entry.to_bytes(4, "little")):
                return -EFAULT
        return self.install(mm, state, entry, base, limit, flags)

    # --- calls ---

    def arguments(self, mm):
        return [mm.get(register) & MASK32 for register in (EBX, ECX, EDX, ESI, EDI, EBP)]

    def system_call(self, kernel, task, mm):
        if mm.get(EAX) & MASK32 == NR_set_thread_area:
            mm.put(EAX, self.set_thread_area(task, mm, mm.get(EBX) & MASK32) & MASK32)
            return
        super().system_call(kernel, task, mm)

    def native_call(self, mm, number, arguments):
        """(the kernel's number of a call or NO_CALL, its arguments, what to do with its result afterwards or None)"""
        if number in CONVERTERS:
            return CONVERTERS[number](mm, arguments)
        if number == NR_sigreturn:
            return SYS_rt_sigreturn, arguments, None
        if number == SYS_lseek:
            arguments[1] = (arguments[1] ^ 0x80000000) - 0x80000000
        if number in NOT_CONVERTED:
            return NO_CALL, arguments, None
        number = SAME_LAYOUT.get(number, number)
        return (number if number < NR_SYSCALLS else NO_CALL), arguments, None

    # --- signals ---

    def context(self, mm, mask, address, floats):
        registers = [mm.get(register) & MASK32 for register in CONTEXT_ORDER]
        return SIGCONTEXT.pack(
            mm.get(GS), 0, USER_DS, USER_DS, *registers, 0, 0, mm.get(EIP) & MASK32, USER_CS, mm.get(EFLAGS) & MASK32,
            mm.get(ESP) & MASK32, USER_DS, floats, mask & MASK32, address & MASK32,
        )  # fmt: skip

    def setup_frame(self, task, info, act, mask, result, restart):
        """Save the registers on the user's stack and continue in the handler; SIGSEGV where the stack is not writable."""
        mm = task.mm
        mm.load(task.context.thread_pointer.registers)
        self.finish_call(task, mm, result, restart)
        pointer = self.stack_for(task, act, mm.get(ESP) & MASK32)
        floats = (pointer - fpu.FXSAVE_SIZE & ~63) - fpu.FSAVE_SIZE
        context = self.context(mm, mask, info.address, floats & MASK32)
        pointer = floats
        if act.flags & SA_SIGINFO:
            size = RT_HEAD.size + SIGINFO_SIZE + UCONTEXT_HEAD.size + len(context) + 8
            frame = (pointer - size + 4 & ~15) - 4
            info_place = frame + RT_HEAD.size
            context_place = info_place + SIGINFO_SIZE
            altstack = task.altstack or (0, 0, 0)
            raw = RT_HEAD.pack(act.restorer, info.signo, info_place & MASK32, context_place & MASK32) + info.pack32()
            raw += UCONTEXT_HEAD.pack(0, 0, altstack[0], self.altstack_flags(task), altstack[1]) + context
            raw += mask.to_bytes(8, "little")
        else:
            info_place = context_place = 0
            raw = act.restorer.to_bytes(4, "little") + info.signo.to_bytes(4, "little") + context
            raw += (mask >> 32).to_bytes(4, "little")
            frame = (pointer - len(raw) + 4 & ~15) - 4
        image = fpu.fsave(mm) + fpu.fxsave(mm, XMM_COUNT)
        if not act.flags & SA_RESTORER or not (
            copy_to_user(mm, floats & MASK32, image) and copy_to_user(mm, frame & MASK32, raw)
        ):
            force_exit(task, SIGSEGV)
            return
        fpu.reset(mm, XMM_COUNT)
        mm.put(EAX, info.signo)
        mm.put(EDX, info_place)
        mm.put(ECX, context_place)
        mm.put(ESP, frame)
        mm.put(EIP, act.handler)

    def restore_floats(self, mm, address):
        """The floating-point registers of a frame that has them at `address` (0: nowhere); False for a bad one."""
        if address == 0:
            fpu.reset(mm, XMM_COUNT)
            return True
        image = copy_from_user(mm, address, fpu.FSAVE_SIZE + fpu.FXSAVE_SIZE)
        if image is None or not fpu.restore_xmm(mm, image[fpu.FSAVE_SIZE :], XMM_COUNT):
            return False
        fpu.frstor(mm, image)
        return True

    def sigreturn(self, task):
        """The handler has returned through its restorer: registers and mask are what the frame says."""
        mm = task.mm
        mm.load(task.context.thread_pointer.registers)
        real_time = task.context.thread_pointer.call == SYS_rt_sigreturn
        # `ret` has taken the return address; the restorer of a plain frame pops the signal number as well.
        pointer = mm.get(ESP) & MASK32
        place = pointer - 4 + RT_HEAD.size + SIGINFO_SIZE + UCONTEXT_HEAD.size if real_time else pointer
        raw = copy_from_user(mm, place, SIGCONTEXT.size + 8)
        fields = SIGCONTEXT.unpack_from(raw) if raw is not None else None
        if fields is None or not self.restore_floats(mm, fields[19]):
            force_exit(task, SIGSEGV)
            return -EINVAL
        for register, value in zip(CONTEXT_ORDER, fields[4:12], strict=True):
            mm.put(register, value)
        mm.put(EIP, fields[14])
        mm.put(EFLAGS, fields[16])
        tail = raw[SIGCONTEXT.size :]
        mask = int.from_bytes(tail, "little") if real_time else fields[20] | int.from_bytes(tail[:4], "little") << 32
        task.context.thread_pointer.call = None
        set_blocked(task, mask)
        return 0
