"""futex(2): sleeping on a word of user memory, and waking who sleeps there.

A futex is known by the place where its word lies in the end, so threads that share an address space and processes that
share a mapping meet at the same one.  Waiters are woken in the order in which they came.
"""

from struct import Struct

from kernel.arch.uaccess import copy_from_user, get_user, put_user
from kernel.sched.state import TASK_INTERRUPTIBLE, TASK_RUNNING
from kernel.uapi.errno import EAGAIN, EFAULT, EINVAL, ENOSYS, ERESTART_RESTARTBLOCK, ERESTARTSYS, ETIMEDOUT
from kernel.uapi.futex import (
    FUTEX_BITSET_MATCH_ANY,
    FUTEX_CLOCK_REALTIME,
    FUTEX_CMD_MASK,
    FUTEX_CMP_REQUEUE,
    FUTEX_OP_ADD,
    FUTEX_OP_ANDN,
    FUTEX_OP_CMP_EQ,
    FUTEX_OP_CMP_GE,
    FUTEX_OP_CMP_GT,
    FUTEX_OP_CMP_LE,
    FUTEX_OP_CMP_LT,
    FUTEX_OP_CMP_NE,
    FUTEX_OP_OPARG_SHIFT,
    FUTEX_OP_OR,
    FUTEX_OP_SET,
    FUTEX_OP_XOR,
    FUTEX_OWNER_DIED,
    FUTEX_REQUEUE,
    FUTEX_TID_MASK,
    FUTEX_WAIT,
    FUTEX_WAIT_BITSET,
    FUTEX_WAITERS,
    FUTEX_WAKE,
    FUTEX_WAKE_BITSET,
    FUTEX_WAKE_OP,
    ROBUST_LIST_LIMIT,
)
from kernel.uapi.syscall import SYS_futex, SYS_set_robust_list
from kernel.uapi.time import NSEC_PER_SEC

TIMESPEC = Struct("<qq")
LONGEST = 1 << 62
TIMED = (FUTEX_WAIT, FUTEX_WAIT_BITSET)

OPERATIONS = {
    FUTEX_OP_SET: lambda old, argument: argument,
    FUTEX_OP_ADD: lambda old, argument: old + argument,
    FUTEX_OP_OR: lambda old, argument: old | argument,
    FUTEX_OP_ANDN: lambda old, argument: old & ~argument,
    FUTEX_OP_XOR: lambda old, argument: old ^ argument,
}
COMPARISONS = {
    FUTEX_OP_CMP_EQ: lambda old, argument: old == argument,
    FUTEX_OP_CMP_NE: lambda old, argument: old != argument,
    FUTEX_OP_CMP_LT: lambda old, argument: old < argument,
    FUTEX_OP_CMP_LE: lambda old, argument: old <= argument,
    FUTEX_OP_CMP_GT: lambda old, argument: old > argument,
    FUTEX_OP_CMP_GE: lambda old, argument: old >= argument,
}


def signed32(value):
    """The low 32 bits as C's int."""
    return ((value & 0xFFFFFFFF) ^ 0x80000000) - 0x80000000


def signed12(value):
    """The low 12 bits with their sign."""
    return ((value & 0xFFF) ^ 0x800) - 0x800


class waiter:
    """A task that sleeps on a futex; `key` None: it has been woken."""

    def __init__(self, task, key, bitset):
        self.task = task
        self.key = key
        self.bitset = bitset


class futex_table:
    """The futexes of one kernel on which somebody sleeps."""

    def __init__(self, kernel):
        self.kernel = kernel
        self.sched = kernel.sched
        self.queues = {}

    def key_of(self, task, address):
        """Which futex an address means; a negative errno."""
        if address & 3:
            return -EINVAL
        return task.mm.place(address) or -EFAULT

    def wait(self, task, address, value, deadline, bitset):
        """Sleep while the word at `address` is `value`, until woken or the time `deadline` (-1: never)."""
        if bitset == 0:
            return -EINVAL
        key = self.key_of(task, address)
        if key < 0:
            return key
        if get_user(task.mm, address, 4) != signed32(value):
            return -EAGAIN
        entry = waiter(task, key, bitset)
        self.queues.setdefault(key, []).append(entry)
        result = self.sleep(task, entry, deadline)
        if entry.key is not None:
            self.forget(entry)
        if result == -ERESTARTSYS and deadline >= 0:
            task.restart_block = lambda: self.wait(task, address, value, deadline, bitset)
            return -ERESTART_RESTARTBLOCK
        return result

    def sleep(self, task, entry, deadline):
        timers = self.kernel.timers
        try:
            while entry.key is not None:
                left = -1
                if deadline >= 0:
                    left = deadline - timers.now()
                    if left <= 0:
                        return -ETIMEDOUT
                if self.sched.signal_pending():
                    return -ERESTARTSYS
                task.state = TASK_INTERRUPTIBLE
                self.sched.schedule_timeout(left)
        finally:
            task.state = TASK_RUNNING
        return 0

    def forget(self, entry):
        """A waiter gives up."""
        queue = self.queues[entry.key]
        queue.remove(entry)
        if not queue:
            del self.queues[entry.key]
        entry.key = None

    def wake_key(self, key, count, bitset=FUTEX_BITSET_MATCH_ANY):
        """Wake up to `count` waiters; how many there were."""
        woken = 0
        for entry in list(self.queues.get(key, ())):
            if woken >= count:
                break
            if entry.bitset & bitset:
                self.forget(entry)
                entry.task.wake_up()
                woken += 1
        return woken

    def wake(self, task, address, count, bitset=FUTEX_BITSET_MATCH_ANY):
        """FUTEX_WAKE: how many were woken, or a negative errno."""
        if bitset == 0:
            return -EINVAL
        key = self.key_of(task, address)
        return key if key < 0 else self.wake_key(key, max(1, count), bitset)

    def requeue(self, task, address, wakes, moves, second, expected):
        """Wake `wakes` waiters and move up to `moves` others to the futex at `second`."""
        if wakes < 0 or moves < 0:
            return -EINVAL
        key = self.key_of(task, address)
        target = self.key_of(task, second)
        if key < 0 or target < 0:
            return min(key, target)
        if expected is not None and get_user(task.mm, address, 4) != signed32(expected):
            return -EAGAIN
        woken = self.wake_key(key, wakes)
        moved = 0
        for entry in list(self.queues.get(key, ())):
            if moved >= moves or key == target:
                break
            self.forget(entry)
            entry.key = target
            self.queues.setdefault(target, []).append(entry)
            moved += 1
        return woken + moved if expected is not None else woken

    def wake_op(self, task, address, wakes, second_wakes, second, encoded):
        """FUTEX_WAKE_OP: change the second word, wake at the first, and at the second if its old value compares."""
        key = self.key_of(task, address)
        target = self.key_of(task, second)
        if key < 0 or target < 0:
            return min(key, target)
        operation = OPERATIONS.get(encoded >> 28 & 7)
        compare = COMPARISONS.get(encoded >> 24 & 15)
        if operation is None or compare is None:
            return -ENOSYS
        argument = signed12(encoded >> 12)
        if encoded >> 28 & FUTEX_OP_OPARG_SHIFT:
            argument = 1 << (argument & 31)
        old = get_user(task.mm, second, 4)
        if not put_user(task.mm, second, 4, signed32(operation(old, argument))):
            return -EFAULT
        woken = self.wake_key(key, max(1, wakes))
        if compare(old, signed12(encoded)):
            woken += self.wake_key(target, max(1, second_wakes))
        return woken

    def deadline_of(self, task, command, realtime, timeout):
        """The absolute time of a futex call's timeout (-1: none), or None for a bad one, or EFAULT's Fault."""
        if command not in TIMED or not timeout:
            return -1
        raw = copy_from_user(task.mm, timeout, TIMESPEC.size)
        if raw is None:
            return -EFAULT
        seconds, nanoseconds = TIMESPEC.unpack(raw)
        if seconds < 0 or not 0 <= nanoseconds < NSEC_PER_SEC:
            return -EINVAL
        length = min(seconds * NSEC_PER_SEC + nanoseconds, LONGEST)
        if command == FUTEX_WAIT:
            return self.kernel.timers.now() + length
        return max(0, length - self.kernel.boot_time) if realtime else length

    def futex(self, task, address, operation, value, timeout, second, third):
        """long futex(uint32_t *uaddr, int op, uint32_t val, const struct timespec *timeout, uint32_t *uaddr2, val3)"""
        command = operation & FUTEX_CMD_MASK
        realtime = operation & FUTEX_CLOCK_REALTIME
        if realtime and command not in TIMED:
            return -ENOSYS
        deadline = self.deadline_of(task, command, realtime, timeout)
        if deadline < -1:
            return deadline
        count = signed32(value)
        second_count = signed32(timeout)
        if command in (FUTEX_WAIT, FUTEX_WAIT_BITSET):
            bitset = FUTEX_BITSET_MATCH_ANY if command == FUTEX_WAIT else third & 0xFFFFFFFF
            result = self.wait(task, address, value, deadline, bitset)
        elif command == FUTEX_WAKE:
            result = self.wake(task, address, count)
        elif command == FUTEX_WAKE_BITSET:
            result = self.wake(task, address, count, third & 0xFFFFFFFF)
        elif command == FUTEX_REQUEUE:
            result = self.requeue(task, address, count, second_count, second, None)
        elif command == FUTEX_CMP_REQUEUE:
            result = self.requeue(task, address, count, second_count, second, third)
        elif command == FUTEX_WAKE_OP:
            result = self.wake_op(task, address, count, second_count, second, third & 0xFFFFFFFF)
        else:
            result = -ENOSYS
        return result

    # --- locks whose owner ends ---

    def set_robust_list(self, task, head, size, a2, a3, a4, a5):
        """long set_robust_list(struct robust_list_head *head, size_t len)"""
        if size != 3 * task.abi.word:
            return -EINVAL
        task.robust_list = head & 0xFFFFFFFFFFFFFFFF
        return 0

    def exit_robust_list(self, task):
        """The thread ends: the locks that it holds are marked, and who waits for one of them is woken."""
        word = task.abi.word
        head = task.robust_list
        task.robust_list = 0
        mask = (1 << 8 * word) - 1
        try:
            entry = get_user(task.mm, head, word) & mask
            offset = get_user(task.mm, head + word, word)
            waiting = get_user(task.mm, head + 2 * word, word) & mask
            for _ in range(ROBUST_LIST_LIMIT):
                if entry & ~1 == head:
                    break
                following = get_user(task.mm, entry & ~1, word) & mask
                if entry != waiting:
                    self.owner_died(task, (entry & ~1) + offset & mask)
                entry = following
            if waiting:
                self.owner_died(task, (waiting & ~1) + offset & mask)
        except (MemoryError, OverflowError):
            # The list leads out of the program's memory: the rest of it is lost, as it is on Linux.
            return

    def owner_died(self, task, address):
        value = get_user(task.mm, address, 4) & 0xFFFFFFFF
        if value & FUTEX_TID_MASK == task.pid:
            put_user(task.mm, address, 4, signed32(value & FUTEX_WAITERS | FUTEX_OWNER_DIED))
            if value & FUTEX_WAITERS:
                self.wake(task, address, 1)

    def register(self, table):
        table.register(SYS_futex, "futex", self.futex)
        table.register(SYS_set_robust_list, "set_robust_list", self.set_robust_list)
