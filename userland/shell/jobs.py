"""Jobs: what was started, what has ended or stopped, and who has the terminal."""

from userland import libc

SIGNAL_TEXTS = {
    libc.SIGHUP: "Hangup",
    libc.SIGINT: "Interrupt",
    libc.SIGQUIT: "Quit",
    libc.SIGABRT: "Aborted",
    libc.SIGFPE: "Floating point exception",
    libc.SIGKILL: "Killed",
    libc.SIGSEGV: "Segmentation fault",
    libc.SIGPIPE: "Broken pipe",
    libc.SIGALRM: "Alarm clock",
    libc.SIGTERM: "Terminated",
}


class Job:
    """A pipeline: its processes that still run, which of them are stopped, and the wait status of the last one."""

    __slots__ = ("number", "pids", "stopped", "last_pid", "pgid", "source", "status", "failures", "settings", "told")

    def __init__(self, pids, source, pgid):
        self.number = 0
        self.pids = [pid for pid in pids if pid > 0]
        self.stopped = {}
        # 0 when the last command never started: its failure is the pipeline's status.
        self.last_pid = pids[-1]
        self.pgid = pgid
        self.source = source
        self.status = 0
        self.failures = 0
        # The terminal's settings of a job that was stopped.
        self.settings = None
        self.told = False

    def is_stopped(self):
        return bool(self.pids) and all(pid in self.stopped for pid in self.pids)

    def state(self):
        """How `jobs` describes it."""
        if self.is_stopped():
            return "Stopped"
        if self.pids:
            return "Running"
        if not libc.WIFEXITED(self.status):
            return signal_text(self.status)
        status = libc.WEXITSTATUS(self.status)
        return f"Done({status})" if status else "Done"


def signal_text(status):
    """What ended a process, as a shell says it."""
    number = libc.WTERMSIG(status)
    return SIGNAL_TEXTS.get(number, f"Signal {number}")


class JobTable:
    """The jobs of one shell, the most recent last."""

    def __init__(self, shell):
        self.shell = shell
        self.jobs = []

    def job(self, pids, source, pgid=-1):
        return Job(pids, source, pgid if pgid > 0 else pids[0] if self.shell.option("m") else -1)

    def background(self, job):
        """Keep a job that nobody waits for."""
        if not job.pids:
            return
        self.number(job)
        self.shell.last_background = job.pids[-1]
        self.shell.status = 0
        if self.shell.interactive:
            libc.eputs(f"[{job.number}] {self.shell.last_background}")

    def number(self, job):
        if not job.number:
            job.number = max((known.number for known in self.jobs), default=0) + 1
            self.jobs.append(job)

    def foreground(self, job):
        """Wait for a job that has the terminal meanwhile; sets $?."""
        shell = self.shell
        # A command that could not be started has set $? already.
        failed = shell.status
        controls = shell.terminal >= 0 and job.pgid > 0 and shell.option("m")
        if controls:
            self.give_terminal(job.pgid)
        self.wait_for(job)
        if controls:
            self.give_terminal(libc.getpid())
        if job.is_stopped():
            self.number(job)
            job.settings = libc.tcgetattr(shell.terminal) if shell.terminal >= 0 else None
            job.told = True
            shell.status = 128 + libc.SIGTSTP
            libc.eputs(f"\n[{job.number}] + Stopped                 {job.source}")
            return
        if job in self.jobs:
            self.jobs.remove(job)
        if job.last_pid <= 0:
            shell.status = failed
            return
        shell.status = libc.shell_status(job.status)
        if shell.option("pipefail") and not shell.status:
            shell.status = job.failures
        killed = 0 if libc.WIFEXITED(job.status) else libc.WTERMSIG(job.status)
        # A program that took the interrupt in its stride leaves the shell to go on.
        shell.interrupted = killed == libc.SIGINT and libc.SIGINT not in shell.traps
        if killed and shell.interactive:
            libc.eputs("" if killed == libc.SIGINT else signal_text(job.status))
        elif killed and killed not in (libc.SIGINT, libc.SIGPIPE):
            libc.eputs(signal_text(job.status))

    def give_terminal(self, pgid):
        # Whoever is not in the foreground is stopped for this unless the signal is blocked.
        libc.sigprocmask(libc.SIG_BLOCK, [libc.SIGTTOU])
        libc.tcsetpgrp(self.shell.terminal, pgid)
        libc.sigprocmask(libc.SIG_UNBLOCK, [libc.SIGTTOU])

    def wait_for(self, job, interruptible=False):
        """Wait until no process of the job runs; others that end meanwhile are noted."""
        while job.pids and not job.is_stopped():
            if interruptible and (self.shell.interrupted or self.shell.pending_traps):
                return
            if not self.reap(0, job):
                return

    def wait_quietly(self, pid):
        """The child of a command substitution; sets $?."""
        job = Job([pid], "", -1)
        self.wait_for(job)
        self.shell.status = libc.shell_status(job.status)
        self.shell.interrupted = not libc.WIFEXITED(job.status) and libc.WTERMSIG(job.status) == libc.SIGINT

    def reap(self, flags, current=None):
        """Note what one child has done; False when there was nothing."""
        flags |= libc.WUNTRACED | libc.WCONTINUED if self.shell.option("m") else 0
        result = libc.waitpid(-1, flags)
        if result == -1:
            return libc.errno == libc.EINTR
        pid, status = result
        if pid == 0:
            return False
        for job in [current, *self.jobs] if current is not None else self.jobs:
            if pid not in job.pids:
                continue
            if libc.WIFSTOPPED(status):
                job.stopped[pid] = True
                job.told = False
            elif libc.WIFCONTINUED(status):
                job.stopped.pop(pid, None)
            else:
                job.pids.remove(pid)
                job.stopped.pop(pid, None)
                if libc.shell_status(status):
                    job.failures = libc.shell_status(status)
                if pid == job.last_pid:
                    job.status = status
            break
        return True

    def poll(self):
        while self.jobs and self.reap(libc.WNOHANG):
            pass

    def report(self):
        """Forget the jobs that have ended; an interactive shell says so."""
        self.poll()
        for job in list(self.jobs):
            if job.pids and (not job.is_stopped() or job.told):
                continue
            if self.shell.interactive:
                libc.eputs(self.line(job))
            job.told = True
            if not job.pids:
                self.jobs.remove(job)

    def line(self, job):
        """A job as `jobs` shows it."""
        recent = [known for known in self.jobs if known.is_stopped()] or self.jobs
        mark = "+" if job is recent[-1] else "-" if len(recent) > 1 and job is recent[-2] else " "
        return f"[{job.number}] {mark} {job.state():<23} {job.source}"

    def find(self, text):
        """The job that %N, %%, %+, %-, %NAME or nothing means, or None."""
        recent = [job for job in self.jobs if job.is_stopped()] or self.jobs
        if text in ("", "%", "%%", "%+"):
            return recent[-1] if recent else None
        name = text.removeprefix("%")
        if name == "-":
            return recent[-2] if len(recent) > 1 else None
        if name.isdigit():
            return next((job for job in self.jobs if job.number == int(name)), None)
        if name.startswith("?"):
            return next((job for job in self.jobs if name[1:] in job.source), None)
        return next((job for job in self.jobs if job.source.startswith(name)), None)

    def resume(self, job, in_foreground):
        """SIGCONT to a job, and the terminal if it is to have it."""
        job.stopped.clear()
        job.told = False
        if in_foreground:
            libc.eputs(job.source)
            if job.settings is not None:
                libc.tcsetattr(self.shell.terminal, libc.TCSADRAIN, job.settings)
            if self.shell.terminal >= 0 and job.pgid > 0:
                self.give_terminal(job.pgid)
        libc.kill(-job.pgid, libc.SIGCONT)
        if in_foreground:
            self.foreground(job)
