"""init: pid 1.  Brings up the network, runs the machine's command or a shell, collects orphans, switches off.

From the kernel command line it takes: `ip=A.B.C.D/N` or `ip=dhcp` for eth0, `ip1=` for eth1 and so on, `gateway=A.B.C.D`,
`dns=A.B.C.D`, `command=LINE`.
/etc/rc, where it exists, is run by the shell first; /etc/init.argv (arguments separated by NUL bytes, the first is the
path of a program) takes the place of `command`.  The machine's exit status is the command's.
"""

from userland import libc
from userland.net.tables import parse_prefix, prefix_mask

SHELL = "/bin/sh"
RC = "/etc/rc"
ARGUMENTS = "/etc/init.argv"
ENVIRONMENT = {"PATH": "/bin:/sbin:/usr/bin:/usr/sbin", "HOME": "/root", "TERM": "linux"}
ETHERNET = "eth"
# How long the first program waits for a link partner.
CARRIER_MS = 300


def parse_command_line(text):
    """{key: value} of a kernel command line; a value may be quoted with double quotes, a backslash escapes there."""
    found = {}
    words = []
    current = []
    quoted = escaped = False
    for char in text.strip() + " ":
        if escaped:
            current.append(char)
            escaped = False
        elif char == "\\" and quoted:
            escaped = True
        elif char == '"':
            quoted = not quoted
        elif char == " " and not quoted:
            if current:
                words.append("".join(current))
            current = []
        else:
            current.append(char)
    for word in words:
        key, _, value = word.partition("=")
        found[key] = value
    return found


def complain(text):
    libc.eputs(f"init: {text}")


def check(result, what):
    if result < 0:
        complain(f"{what}: {libc.strerror(libc.errno)}")


def interface_up(name, prefix):
    address, length = prefix
    check(libc.set_flags(name, libc.IFF_UP), name)
    if libc.get_address(name) != address:
        check(libc.set_address(name, libc.SIOCSIFADDR, address), f"{name}: {address}")
        check(libc.set_address(name, libc.SIOCSIFNETMASK, prefix_mask(length)), f"{name}: {address}/{length}")


def network(options):
    """lo, then each Ethernet interface as the kernel command line says."""
    names = libc.if_names()
    if "lo" in names:
        interface_up("lo", ("127.0.0.1", 8))
    for number, name in enumerate(name for name in names if name.startswith(ETHERNET)):
        ethernet(name, options.get(f"ip{number or ''}", ""))
    gateway = options.get("gateway")
    if gateway and any(key.startswith("ip") and value not in ("", "dhcp") for key, value in options.items()):
        flags = libc.RTF_UP | libc.RTF_GATEWAY
        check(libc.route_request(libc.SIOCADDRT, "0.0.0.0", "0.0.0.0", gateway, None, flags), f"gateway {gateway}")


def ethernet(name, setting):
    """Bring one interface up: with an address, with one of a DHCP server, or without."""
    if setting == "dhcp":
        run_and_wait("/bin/udhcpc", ["udhcpc", "-q", "-i", name])
        return
    prefix = parse_prefix(setting) if setting else None
    if setting and prefix is None:
        complain(f"ip={setting}: not an address")
        return
    if prefix is None:
        check(libc.set_flags(name, libc.IFF_UP), name)
        return
    interface_up(name, prefix)
    libc.wait_for_carrier(name, CARRIER_MS)


def resolver(options):
    servers = options.get("dns", "")
    if not servers:
        return
    fd = libc.open("/etc/resolv.conf", libc.O_WRONLY | libc.O_CREAT | libc.O_TRUNC)
    check(fd, "/etc/resolv.conf")
    if fd >= 0:
        libc.fputs("".join(f"nameserver {server}\n" for server in servers.split(",")), fd)
        libc.close(fd)


def start(path, argv, own_group):
    """Start a program with init's environment, in a process group that has the terminal; its pid, or -1."""
    pid = libc.spawn(path, argv, ENVIRONMENT, [], 0 if own_group else -1)
    if pid < 0:
        complain(f"{path}: {libc.strerror(libc.errno)}")
        return -1
    if own_group:
        # init itself is in the background as soon as a program has the terminal.
        libc.sigprocmask(libc.SIG_BLOCK, [libc.SIGTTOU])
        libc.tcsetpgrp(0, pid)
        libc.sigprocmask(libc.SIG_UNBLOCK, [libc.SIGTTOU])
    return pid


def wait_for(pid):
    """Collect children until `pid` has ended; its wait status."""
    while True:
        result = libc.waitpid(-1)
        if result == -1:
            if libc.errno == libc.EINTR:
                continue
            return 0
        if result[0] == pid:
            return result[1]


def run_and_wait(path, argv):
    pid = start(path, argv, False)
    return libc.shell_status(wait_for(pid)) if pid > 0 else 127


def command(options):
    """argv of the machine's command: /etc/init.argv, `command=`, or an interactive shell."""
    raw = libc.read_file(ARGUMENTS)
    if raw != -1 and raw:
        return [word.decode("utf-8", "surrogateescape") for word in raw.removesuffix(b"\0").split(b"\0")]
    if options.get("command"):
        return [SHELL, "-c", options["command"]]
    return [SHELL]


def main(argv):
    if libc.getpid() != 1:
        complain("must be run as pid 1")
        return 1
    text = libc.read_text("/proc/cmdline")
    options = parse_command_line("" if text == -1 else text)
    libc.chdir("/root")
    network(options)
    resolver(options)
    if libc.stat(RC) != -1:
        run_and_wait(SHELL, [SHELL, RC])
    arguments = command(options)
    pid = start(arguments[0], [arguments[0].rpartition("/")[2], *arguments[1:]], True)
    status = libc.shell_status(wait_for(pid)) if pid > 0 else 127
    libc.reboot(libc.LINUX_REBOOT_CMD_POWER_OFF, status)
    libc.perror("init: reboot")
    return status
