"""Process ids and the table of tasks."""

PID_MAX = 32768


class pid_table:
    """The live tasks by pid, in the order in which they were made; zombies count as live until they are waited for."""

    def __init__(self):
        self.by_pid = {}
        # 0 is the boot task, 1 is kept for init.
        self.last = 1

    def alloc(self):
        """The next free pid, or 0 when all are in use."""
        for _ in range(PID_MAX):
            self.last = self.last + 1 if self.last + 1 < PID_MAX else 2
            if self.last not in self.by_pid:
                return self.last
        return 0

    def add(self, task):
        self.by_pid[task.pid] = task

    def remove(self, task):
        self.by_pid.pop(task.pid, None)

    def count(self):
        return len(self.by_pid)

    def find(self, pid):
        """The task, or None."""
        return self.by_pid.get(pid)

    def tasks(self):
        """All tasks, zombies too."""
        return list(self.by_pid.values())
