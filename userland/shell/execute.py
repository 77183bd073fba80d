"""Runs what the parser understood: pipelines of programs and built-in commands, jobs, redirections."""

from userland import libc
from userland.shell.builtins import BUILTINS, ExitShell
from userland.shell.expand import expand_single, expand_word

PATH_DEFAULT = "/bin"
CREATE_MODE = 0o644

OPEN_FLAGS = {
    "<": libc.O_RDONLY,
    ">": libc.O_WRONLY | libc.O_CREAT | libc.O_TRUNC,
    ">>": libc.O_WRONLY | libc.O_CREAT | libc.O_APPEND,
}
# Where the shell parks its own descriptors while a built-in command runs redirected.
PARKED = 100


class RedirectError(Exception):
    """A redirection that can not be made; its text is the message."""


class Job:
    """A pipeline that was started: its processes that still run, and the wait status of the last one."""

    __slots__ = ("number", "pids", "last_pid", "pgid", "source", "status")

    def __init__(self, pids, pgid, source):
        self.number = 0
        self.pids = pids
        self.last_pid = pids[-1]
        self.pgid = pgid
        self.source = source
        self.status = 0


class Shell:
    """The state of one shell: variables, $?, jobs."""

    def __init__(self, name, arguments=(), interactive=False, terminal=-1):
        self.name = name
        self.arguments = list(arguments)
        self.interactive = interactive
        self.terminal = terminal
        self.variables = dict(libc.environ())
        self.exported = dict.fromkeys(self.variables, True)
        self.variables.setdefault("PATH", PATH_DEFAULT)
        self.exported["PATH"] = True
        self.status = 0
        # Set by the handler of SIGINT: the command being run was interrupted, and the shell may have to follow.
        self.interrupted = False
        self.jobs = []
        self.last_background = 0
        self.editor = None

    # --- words ---

    def lookup(self, name):
        """The value of $name."""
        if name == "?":
            return str(self.status)
        if name == "$":
            return str(libc.getpid())
        if name == "!":
            return str(self.last_background)
        if name == "#":
            return str(len(self.arguments))
        if name in ("@", "*"):
            return " ".join(self.arguments)
        if name == "0":
            return self.name
        if name.isdigit():
            index = int(name) - 1
            return self.arguments[index] if index < len(self.arguments) else ""
        return self.variables.get(name, "")

    def names_in(self, directory):
        names = libc.listdir(directory)
        return [] if names == -1 else names

    def fields(self, words):
        out = []
        for word in words:
            out += expand_word(word, self.lookup, self.names_in)
        return out

    def environment(self, assignments=()):
        """What a program gets: the exported variables, and the assignments before its name."""
        env = {name: self.variables[name] for name in self.exported if name in self.variables}
        for name, word in assignments:
            env[name] = expand_single(word, self.lookup)
        return env

    def find(self, name):
        """The path of a program, or None."""
        if "/" in name:
            return name
        for directory in self.variables.get("PATH", "").split(":"):
            path = f"{directory or '.'}/{name}"
            if libc.stat(path) != -1:
                return path
        return None

    def complain(self, text):
        libc.eputs(f"sh: {text}")

    # --- lists and pipelines ---

    def run(self, items):
        """Run a parsed list; returns the status of the last command.  ExitShell leaves the shell."""
        for item in items:
            if self.interrupted:
                break
            if item.background:
                self.start_background(item)
                continue
            for connector, pipeline in item.pipelines:
                if (connector == "&&" and self.status != 0) or (connector == "||" and self.status == 0):
                    continue
                if self.interrupted:
                    break
                self.run_pipeline(pipeline, item.source)
        return self.status

    def run_pipeline(self, commands, source):
        if len(commands) == 1 and self.run_in_shell(commands[0]):
            return
        job = self.start(commands, source)
        if job is not None:
            self.foreground(job)

    def run_in_shell(self, command):
        """True when the command needed no process: assignments, or a built-in."""
        words = self.fields(command.words)
        if words and words[0] not in BUILTINS:
            return False
        saved = []
        try:
            for redirect, source in self.open_redirects(command.redirects):
                saved.append((redirect.fd, self.park(redirect.fd)))
                if libc.dup2(source, redirect.fd) < 0:
                    raise RedirectError(f"{source}: {libc.strerror(libc.errno)}")
                if redirect.kind != ">&":
                    libc.close(source)
            if words:
                self.status = BUILTINS[words[0]](self, words)
            else:
                for name, word in command.assignments:
                    self.variables[name] = expand_single(word, self.lookup)
                self.status = 0
        except RedirectError as error:
            self.complain(str(error))
            self.status = 1
        finally:
            for fd, parked in reversed(saved):
                if parked >= 0:
                    libc.dup2(parked, fd)
                    libc.close(parked)
                else:
                    libc.close(fd)
        return True

    def park(self, fd):
        return libc.fcntl(fd, libc.F_DUPFD, PARKED)

    def open_redirects(self, redirects):
        """(Redirect, source descriptor) one by one, each opened as it is reached; RedirectError names what failed."""
        for redirect in redirects:
            target = expand_single(redirect.target, self.lookup)
            if redirect.kind == ">&":
                if not target.isdigit():
                    raise RedirectError(f"{target}: bad descriptor")
                yield redirect, int(target)
                continue
            fd = libc.open(target, OPEN_FLAGS[redirect.kind] | libc.O_CLOEXEC, CREATE_MODE)
            if fd < 0:
                raise RedirectError(f"{target}: {libc.strerror(libc.errno)}")
            yield redirect, fd

    def start(self, commands, source):
        """Start every command of a pipeline; the `Job`, or None when nothing could be started ($? says why)."""
        pids = []
        pgid = 0 if self.interactive else -1
        upstream = -1
        for index, command in enumerate(commands):
            downstream = (-1, -1)
            if index + 1 < len(commands):
                downstream = libc.pipe(libc.O_CLOEXEC)
                if downstream == -1:
                    self.complain(f"pipe: {libc.strerror(libc.errno)}")
                    self.status = 1
                    break
            pid = self.start_command(command, upstream, downstream[1], pgid)
            for fd in (upstream, downstream[1]):
                if fd >= 0:
                    libc.close(fd)
            upstream = downstream[0]
            if pid > 0:
                pids.append(pid)
                if pgid == 0:
                    pgid = pid
        if upstream >= 0:
            libc.close(upstream)
        if not pids:
            return None
        job = Job(pids, pgid, source)
        if pid <= 0:
            # The last command never started: its failure is the pipeline's status.
            job.last_pid = -1
        return job

    def start_command(self, command, stdin, stdout, pgid):
        """Start one command of a pipeline; its pid, or 0 when there is none (a failure, or a built-in that is done)."""
        words = self.fields(command.words)
        actions = []
        opened = []
        try:
            if stdin >= 0:
                actions.append((libc.SPAWN_DUP2, stdin, 0))
            if stdout >= 0:
                actions.append((libc.SPAWN_DUP2, stdout, 1))
            for redirect, source in self.open_redirects(command.redirects):
                if redirect.kind != ">&":
                    opened.append(source)
                actions.append((libc.SPAWN_DUP2, source, redirect.fd))
            return self.start_words(command, words, actions, pgid)
        except RedirectError as error:
            self.complain(str(error))
            self.status = 1
            return 0
        finally:
            for fd in opened:
                libc.close(fd)

    def start_words(self, command, words, actions, pgid):
        if not words:
            self.status = 0
            return 0
        if words[0] in BUILTINS:
            # A built-in command in a pipeline runs in a shell of its own, as after a fork.
            words = ["sh", "-c", " ".join(quote(word) for word in words)]
        path = self.find(words[0])
        if path is None:
            self.complain(f"{words[0]}: not found")
            self.status = 127
            return 0
        pid = libc.spawn(path, words, self.environment(command.assignments), actions, pgid)
        if pid < 0:
            missing = libc.errno == libc.ENOENT
            self.complain(f"{words[0]}: {'not found' if missing else libc.strerror(libc.errno)}")
            self.status = 127 if missing else 126
            return 0
        return pid

    # --- jobs ---

    def start_background(self, item):
        if len(item.pipelines) == 1:
            job = self.start(item.pipelines[0][1], item.source)
        else:
            path = self.find("sh")
            pid = libc.spawn(path, ["sh", "-c", item.source], self.environment(), [], 0 if self.interactive else -1)
            job = Job([pid], pid, item.source) if pid > 0 else None
        if job is None:
            return
        job.number = max((known.number for known in self.jobs), default=0) + 1
        self.jobs.append(job)
        self.last_background = job.pids[-1]
        self.status = 0
        if self.interactive:
            libc.eputs(f"[{job.number}] {self.last_background}")

    def foreground(self, job):
        """Wait for a job that has the terminal meanwhile; sets $?."""
        if self.terminal >= 0 and job.pgid > 0:
            libc.tcsetpgrp(self.terminal, job.pgid)
        self.wait_for(job)
        if self.terminal >= 0 and job.pgid > 0:
            libc.tcsetpgrp(self.terminal, libc.getpid())
        if job.last_pid > 0:
            self.status = libc.shell_status(job.status)
            killed = 0 if libc.WIFEXITED(job.status) else libc.WTERMSIG(job.status)
            # A program that took the interrupt in its stride leaves the shell to go on.
            self.interrupted = killed == libc.SIGINT
            if killed and self.interactive:
                libc.eputs("" if killed == libc.SIGINT else signal_text(job.status))

    def wait_for(self, job, until_interrupted=False):
        """Wait until no process of the job runs; others that end meanwhile are noted."""
        while job.pids and not (until_interrupted and self.interrupted):
            if not self.reap(0, job):
                return

    def catch_interrupts(self):
        """SIGINT ends the command that runs, not the shell that waits for it."""

        def interrupted(signum):
            self.interrupted = True

        libc.signal(libc.SIGINT, interrupted)

    def reap(self, flags, current=None):
        """Collect one ended child; False when there was none."""
        result = libc.waitpid(-1, flags)
        if result == -1:
            return libc.errno == libc.EINTR
        pid, status = result
        if pid == 0:
            return False
        for job in [current, *self.jobs] if current is not None else self.jobs:
            if pid in job.pids:
                job.pids.remove(pid)
                if pid == job.last_pid:
                    job.status = status
        return True

    def report_jobs(self):
        """Note the background jobs that ended; an interactive shell says so."""
        while self.jobs and self.reap(libc.WNOHANG):
            pass
        for job in [job for job in self.jobs if not job.pids]:
            if self.interactive:
                libc.eputs(f"[{job.number}]+  {job_state(job):<24}{job.source}")
            self.jobs.remove(job)


def job_state(job):
    """How `jobs` describes a job."""
    if job.pids:
        return "Running"
    if not libc.WIFEXITED(job.status):
        return signal_text(job.status)
    status = libc.WEXITSTATUS(job.status)
    return f"Exit {status}" if status else "Done"


SIGNAL_TEXTS = {
    libc.SIGHUP: "Hangup",
    libc.SIGABRT: "Aborted",
    libc.SIGKILL: "Killed",
    libc.SIGSEGV: "Segmentation fault",
    libc.SIGPIPE: "Broken pipe",
    libc.SIGALRM: "Alarm clock",
    libc.SIGTERM: "Terminated",
}


def signal_text(status):
    """What ended a process, as a shell says it."""
    number = libc.WTERMSIG(status)
    return SIGNAL_TEXTS.get(number, f"Signal {number}")


def quote(word):
    """A word so that the shell reads it back as it is."""
    return "'" + word.replace("'", "'\\''") + "'"


__all__ = ["ExitShell", "Job", "Shell", "job_state", "quote"]
