"""What lies in a machine's root when it boots: the programs, and the few files of /etc that they read."""

import pkgutil
from importlib import import_module, resources

from lab.etc import name_files

PROGRAMS = "userland.programs"
RESOLV_CONF = "/etc/resolv.conf"
# What init runs in the place of a shell: arguments separated by NUL bytes, the first is a program's path.
INIT_ARGV = "/etc/init.argv"
SHELL = "/bin/sh"


def program_names() -> list[str]:
    """Every module of the programs' package that has a `main`, by its text: importing all of them would take time."""
    package = import_module(PROGRAMS)
    folder = resources.files(package)
    return [
        module.name
        for module in pkgutil.iter_modules(package.__path__)
        if "\ndef main(" in folder.joinpath(f"{module.name}.py").read_text(encoding="utf-8")
    ]


def init_argv(arguments) -> dict[str, bytes]:
    """The file that makes init run this program."""
    if any("\0" in word for word in arguments):
        raise ValueError("an argument contains a NUL byte")
    return {INIT_ARGV: "".join(f"{word}\0" for word in arguments).encode("utf-8", "surrogateescape")}


def shell_line(line) -> dict[str, bytes]:
    """The file that makes init run one command line."""
    return init_argv([SHELL, "-c", line])


def initramfs(hostname="hwemu", name_server="") -> dict[str, bytes]:
    """{path: content}: /bin with every program, /sbin/init, /etc."""
    files = {f"/bin/{name}": f"#!hwemu {PROGRAMS}.{name}\n".encode() for name in program_names()}
    if "/bin/init" in files:
        files["/sbin/init"] = files["/bin/init"]
    files["/etc/hostname"] = f"{hostname}\n".encode()
    files.update(name_files(hostname))
    files[RESOLV_CONF] = f"nameserver {name_server}\n".encode() if name_server else b""
    return files
