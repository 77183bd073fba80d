"""sysctl: shows and changes the kernel's settings, the files under /proc/sys (sysctl(8))."""

from userland import libc

USAGE = "sysctl [-aenNqw] [-p [FILE]] [NAME | NAME=VALUE ...]"
ROOT = "/proc/sys"
CONFIGURATION = "/etc/sysctl.conf"


def path_of(name):
    """net.ipv4.conf.eth0/5.forwarding is net/ipv4/conf/eth0.5/forwarding; a name with slashes first is taken as a path."""
    dot, slash = name.find("."), name.find("/")
    if slash >= 0 and (dot < 0 or slash < dot):
        return f"{ROOT}/{name}"
    return f"{ROOT}/{name.translate(str.maketrans('./', '/.'))}"


def name_of(path):
    """The dotted name of a file below /proc/sys."""
    return path.removeprefix(ROOT + "/").translate(str.maketrans("./", "/."))


class Session:
    """How settings are shown, and whether anything went wrong."""

    def __init__(self, options):
        self.values_only = options.has("n") or options.has("values")
        self.names_only = options.has("N") or options.has("names")
        self.quiet = options.has("q") or options.has("quiet")
        self.ignore = options.has("e") or options.has("ignore")
        self.status = 0

    def complain(self, text, unknown=False):
        if not (unknown and self.ignore):
            libc.eputs(f"sysctl: {text}")
            self.status = 1

    def text(self, name, value):
        if self.names_only:
            return name
        return value if self.values_only else f"{name} = {value}"

    def show(self, name):
        """One setting, or all in a directory."""
        path = path_of(name)
        if libc.listdir(path) != -1:
            self.show_all(path)
            return
        value = libc.read_text(path)
        if value == -1:
            number = libc.errno
            if number == libc.ENOENT:
                self.complain(f"cannot stat {path}: {libc.strerror(number)}", True)
            else:
                self.complain(f"permission denied on key '{name}'" if number == libc.EACCES else f"reading key \"{name}\"")
            return
        libc.puts(self.text(name_of(path), value.rstrip("\n")))

    def show_all(self, path):
        names = libc.listdir(path)
        for entry in sorted(names) if names != -1 else []:
            inner = f"{path}/{entry}"
            if libc.listdir(inner) != -1:
                self.show_all(inner)
            else:
                self.show(name_of(inner))

    def set(self, assignment):
        name, _, value = assignment.partition("=")
        name, value = name.strip(), value.strip()
        path = path_of(name)
        if not name or not value:
            self.complain(f'malformed setting "{assignment}"')
            return
        fd = libc.open(path, libc.O_WRONLY | libc.O_TRUNC)
        if fd < 0:
            number = libc.errno
            if number == libc.ENOENT:
                self.complain(f"cannot stat {path}: {libc.strerror(number)}", True)
            else:
                self.complain(f"permission denied on key \"{name}\"")
            return
        failed = libc.write_all(fd, value.encode() + b"\n") < 0
        number = libc.errno
        libc.close(fd)
        if failed:
            self.complain(f'setting key "{name}": {libc.strerror(number)}')
        elif not self.quiet:
            libc.puts(self.text(name_of(path), value))

    def load(self, file):
        """-p: the assignments of a file; lines that begin with # or ; are comments, with - errors do not count."""
        text = libc.read_text("/dev/stdin" if file == "-" else file)
        if text == -1:
            self.complain(f'cannot open "{file}": {libc.strerror(libc.errno)}')
            return
        for number, line in enumerate(text.splitlines(), 1):
            line = line.strip()
            if not line or line[0] in "#;":
                continue
            if "=" not in line:
                self.complain(f'{file}({number}): invalid syntax, continuing...')
                continue
            before = self.status, self.ignore
            optional = line.startswith("-")
            self.ignore = self.ignore or optional
            self.set(line.removeprefix("-"))
            self.ignore = before[1]
            self.status = before[0] if optional else self.status


def main(argv):
    try:
        options = libc.getopt(
            argv, "aAenNqwp", USAGE, ("all", "ignore", "values", "names", "quiet", "write", "load")
        )
        everything = options.has("a") or options.has("A") or options.has("all")
        loading = options.has("p") or options.has("load")
        if not (everything or loading or options.operands):
            raise libc.UsageError(f"usage: {USAGE}")
        writing = options.has("w") or options.has("write")
        plain = [word for word in options.operands if "=" not in word]
        if writing and plain:
            raise libc.UsageError(f'"{plain[0]}" must be of the form name=value')
    except libc.UsageError as error:
        libc.eputs(f"sysctl: {error}")
        return 2
    session = Session(options)
    if everything:
        session.show_all(ROOT)
    elif loading:
        for file in options.operands or [CONFIGURATION]:
            session.load(file)
    else:
        for word in options.operands:
            if "=" in word:
                session.set(word)
            else:
                session.show(word.rstrip("."))
    return session.status
