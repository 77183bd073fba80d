"""Task states and flags (Linux, include/linux/sched.h)."""

TASK_RUNNING = 0
TASK_INTERRUPTIBLE = 1
TASK_UNINTERRUPTIBLE = 2
TASK_STOPPED = 4
EXIT_DEAD = 16
EXIT_ZOMBIE = 32
# Sleeps on whatever signal comes, but wakes up to be killed.
TASK_KILLABLE = 0x102

PF_EXITING = 0x00000004
PF_KTHREAD = 0x00200000

MAX_SCHEDULE_TIMEOUT = -1
