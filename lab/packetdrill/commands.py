"""What stands between back-ticks, done to the kernel under test: settings, its device and its counters.

A script was written for a host's shell.  The handful of commands that such scripts use is understood here; there is no
shell behind it.
"""

import ast
import operator
import re
import shlex

from kernel.net.core.netdev_flags import NETIF_F_GSO, NETIF_F_TSO
from kernel.net.ipv4.fib_frontend import fib_config, fib_create_info
from kernel.net.snmp import MIB_GROUPS
from kernel.uapi.in_ import inet_addr
from kernel.uapi.netlink import NLM_F_CREATE, NLM_F_REPLACE
from kernel.uapi.rtnetlink import RTAX_MTU
from lab.packetdrill.script import Mismatch
from lab.packetdrill.tun import NAME

# What `defaults.sh` of the scripts' collections sets, as far as it is ours to set.
DEFAULTS = {
    "net.ipv4.tcp_rmem": "4096 540000 15728640",
    "net.ipv4.tcp_wmem": "4096 262144 4194304",
    "net.ipv4.tcp_timestamps": "1",
    "net.ipv4.tcp_syn_retries": "5",
    "net.ipv4.tcp_synack_retries": "5",
    "net.ipv4.tcp_frto": "2",
    "net.ipv4.tcp_sack": "1",
    "net.ipv4.tcp_dsack": "1",
    "net.ipv4.tcp_reordering": "3",
    "net.ipv4.tcp_congestion_control": "cubic",
    "net.ipv4.tcp_slow_start_after_idle": "0",
    "net.ipv4.tcp_early_retrans": "4",
    "net.ipv4.tcp_recovery": "1",
    "net.ipv4.tcp_tso_win_divisor": "3",
    "net.ipv4.tcp_ecn": "0",
    "net.ipv4.tcp_notsent_lowat": "4294967295",
    "net.ipv4.tcp_fastopen": "3",
    "net.ipv4.tcp_fastopen_key": "a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4",
}
FASTOPEN_FOR_ALL = "/proc/sys/net/ipv4/tcp_fastopen=0x70403"
FEATURES = {"tso": NETIF_F_TSO, "gso": NETIF_F_GSO}
ARITHMETIC = re.compile(r"\$\(\(([0-9*+()\s-]+)\)\)")
OPERATORS = {ast.Mult: operator.mul, ast.Add: operator.add, ast.Sub: operator.sub}
# The states of /proc/net/tcp (<netinet/tcp.h>) in ss's words.
STATES = (
    "UNKNOWN", "ESTAB", "SYN-SENT", "SYN-RECV", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT", "UNCONN", "CLOSE-WAIT", "LAST-ACK",
    "LISTEN", "CLOSING",
)  # fmt: skip
PROC_SYS = "/proc/sys/"
QUIET = re.compile(r"(?:2>&1|[12]?>\s*/dev/null)")


def calculate(text):
    """The value of a shell's $((...)): whole numbers with + - *."""

    def value(node):
        if isinstance(node, ast.Constant):
            return node.value
        return OPERATORS[type(node.op)](value(node.left), value(node.right))

    return str(value(ast.parse(text.strip(), mode="eval").body))


class Shell:
    """Carries commands out on `kernel`, whose device is `tun`."""

    def __init__(self, kernel, tun):
        self.kernel = kernel
        self.tun = tun
        # Counters as `nstat` showed them last.
        self.counters = {}

    def run(self, text):
        """Every line of `text`; Mismatch for one that fails or that nobody understands."""
        text = ARITHMETIC.sub(lambda match: calculate(match.group(1)), text.replace("\\\n", " "))
        for line in text.splitlines():
            stages = [shlex.split(QUIET.sub("", stage)) for stage in self.split(line)]
            stages = [words for words in stages if words]
            lines = None
            for words in stages:
                lines = self.stage(words, lines)
            if stages and stages[-1][0] == "grep" and not lines:
                raise Mismatch(f"a line from {line.strip()}", "none")

    @staticmethod
    def split(line):
        """The stages of a pipeline."""
        lexer = shlex.shlex(line, posix=False, punctuation_chars="|")
        lexer.whitespace_split = True
        stages = [""]
        for word in lexer:
            if word == "|":
                stages.append("")
            else:
                stages[-1] += f" {word}"
        return stages

    def stage(self, words, lines):
        """One command; returns its output as lines."""
        name = words[0].rpartition("/")[2]
        function = COMMANDS.get(name)
        if function is None:
            raise Mismatch("a command", f"{words[0]}: nobody knows it here")
        if name == "defaults.sh" and "common" in words[0].split("/"):
            # Of the two collections this one has Fast Open on for every listener.
            words = [name, FASTOPEN_FOR_ALL]
        return function(self, words[1:], lines) or []

    def file(self, path):
        """The lines of a file in /proc; none when there is no such file."""
        folder, _, name = path.removeprefix("/proc/").rpartition("/")
        node = self.kernel.proc.directory(folder).get(name) if path.startswith("/proc/") else None
        return node.i_private.show().splitlines() if node is not None else []

    def set(self, name, text):
        """Write a setting; Mismatch when it does not exist or refuses."""
        result = self.kernel.sysctl.write(name, text)
        if result < 0:
            raise Mismatch(f"a setting {name} that takes {text!r}", f"errno {-result}")


def defaults(shell, words, lines):
    for name, text in DEFAULTS.items():
        if name in shell.kernel.sysctl.entries:
            shell.set(name, text)
    set_sysctls(shell, words, lines)


def set_sysctls(shell, words, lines):
    """PATH=VALUE ..."""
    for word in words:
        path, _, text = word.partition("=")
        shell.set(path.removeprefix(PROC_SYS).replace("/", "."), text)


def sysctl(shell, words, lines):
    """[-q] [-w] NAME=VALUE ..."""
    for word in words:
        if not word.startswith("-"):
            name, _, text = word.partition("=")
            shell.set(name, text)


def nothing(shell, words, lines):
    """A machine lives as long as its script: there is nothing to put back, and no metrics are remembered."""


def echo(shell, words, lines):
    """VALUE > PATH, for settings; hystart's detection is at its default, delay and ACK trains, anyway."""
    if len(words) != 3 or words[1] != ">":
        raise Mismatch("echo VALUE > FILE", " ".join(words))
    if words[2].startswith(PROC_SYS):
        set_sysctls(shell, [f"{words[2]}={words[0]}"], lines)
    elif words[2] != "/sys/module/tcp_cubic/parameters/hystart_detect" or words[0] != "3":
        raise Mismatch(f"{words[2]} to be written", "no such file")


def ethtool(shell, words, lines):
    """-K tun0 FEATURE on|off ..."""
    if words[:2] != ["-K", NAME] or any(word not in FEATURES for word in words[2::2]):
        raise Mismatch(f"ethtool -K {NAME} tso|gso on|off", " ".join(words))
    for feature, state in zip(words[2::2], words[3::2], strict=True):
        bit = FEATURES[feature]
        dev = shell.tun.dev
        dev.features = dev.features | bit if state == "on" else dev.features & ~bit
    shell.kernel.net.fib.changed()


def tc(shell, words, lines):
    """qdisc replace dev tun0 root pfifo [limit N]"""
    if words[:6] != ["qdisc", "replace", "dev", NAME, "root", "pfifo"]:
        raise Mismatch(f"tc qdisc replace dev {NAME} root pfifo limit N", " ".join(words))
    qdisc = shell.tun.dev.qdisc
    qdisc.limit = int(words[7]) if words[6:7] == ["limit"] else shell.tun.dev.tx_queue_len
    qdisc.can_bypass = qdisc.limit > 0


def ip(shell, words, lines):
    """tcp_metrics flush: forget what Fast Open has learned about servers; route change: another route to the peer."""
    if words[:2] == ["tcp_metrics", "flush"]:
        shell.kernel.net.tcp.fastopen.servers.clear()
    elif words[:2] == ["route", "change"] and len(words) >= 7 and words[3::2][:2] == ["via", "dev"] and words[6] == NAME:
        change_route(shell.kernel.net, shell.tun.dev, words[2], words[4], words[7:])
    else:
        raise Mismatch(f"ip tcp_metrics flush or ip route change DESTINATION via GATEWAY dev {NAME}", " ".join(words))


def change_route(net, dev, destination, gateway, words):
    """The route to `destination` with these metrics, whichever way it was reached before."""
    address, _, length = destination.partition("/")
    cfg = fib_config(inet_addr(address), int(length or 32), inet_addr(gateway), dev)
    words = list(words)
    while words:
        name = words.pop(0)
        if name not in ("mtu", "advmss", "initcwnd", "initrwnd") or not words:
            raise Mismatch("a metric: mtu [lock], advmss, initcwnd or initrwnd", name)
        if name == "mtu" and words[0] == "lock":
            words.pop(0)
            cfg.locks |= 1 << RTAX_MTU
        setattr(cfg, name, int(words.pop(0)))
    fi = fib_create_info(net, cfg)
    err = fi if isinstance(fi, int) else net.fib.add(fi, cfg.table, NLM_F_CREATE | NLM_F_REPLACE)
    if err < 0:
        raise Mismatch("a route", cfg.why or f"errno {-err}")


def nstat(shell, words, lines):
    """Counters that have changed since the last time."""
    now = counters(shell.kernel.net.mib)
    changed = [f"{name} {value - shell.counters.get(name, 0)}" for name, value in now.items()
               if value != shell.counters.get(name, 0)]  # fmt: skip
    shell.counters = now
    return changed


def counters(mib):
    """{nstat's name: value} of every counter."""
    return {group + name: mib.get(group + name) for group, names in MIB_GROUPS for name in names}


def ss(shell, words, lines):
    """[state NAME] and flags and filters, which select nothing more: TCP sockets, those in SYN-RECV only when asked for."""
    state = words[words.index("state") + 1] if "state" in words else None
    shown = []
    for line in shell.file("/proc/net/tcp")[1:]:
        _, local, remote, number = line.split()[:4]
        name = STATES[int(number, 16)]
        if name == state or (state is None and name not in ("LISTEN", "SYN-RECV", "TIME-WAIT")):
            shown.append(f"{name} {endpoint(local)} {endpoint(remote)}")
    return shown


def endpoint(text):
    """ADDRESS:PORT of the hexadecimal form of /proc/net/tcp."""
    address, _, port = text.partition(":")
    quad = bytes.fromhex(address)[::-1]
    return f"{'.'.join(str(byte) for byte in quad)}:{int(port, 16)}"


def remove(shell, words, lines):
    """[-f] FILE: a fresh machine has no files but its own."""


def zeros(shell, words, lines):
    """if=/dev/zero of=FILE bs=N count=N: a file of zeros in the machine's root."""
    given = dict(word.partition("=")[::2] for word in words)
    size = int(given.get("bs", 512)) * int(given.get("count", 0))
    if given.get("if") != "/dev/zero":
        raise Mismatch("dd if=/dev/zero of=FILE bs=N count=N", " ".join(words))
    shell.kernel.rootfs.add_file(f"/{given['of']}", bytes(size))


def grep(shell, words, lines):
    """PATTERN [FILE ...]: files that do not exist are passed over, as the shell's status does in a pipeline."""
    words = [word for word in words if not word.startswith("-")]
    if len(words) > 1:
        lines = [line for path in words[1:] for line in shell.file(path)]
    pattern = re.compile(words[0])
    return [line for line in lines or [] if pattern.search(line)]


COMMANDS = {
    "defaults.sh": defaults, "sysctl_restore.sh": nothing, "set_sysctls.py": set_sysctls, "sysctl": sysctl, "echo": echo,
    "ethtool": ethtool, "tc": tc, "ip": ip, "nstat": nstat, "grep": grep,
    "ss": ss, "rm": remove, "dd": zeros,
}  # fmt: skip
