"""hostname: the machine's name, or with -i its addresses."""

from userland import libc
from userland.text.files import options_of

USAGE = "hostname [-isI]"


def main(argv):
    options = options_of("hostname", argv, "isI", USAGE, 0, 0)
    if options is None:
        return 2
    name = libc.uname()[1]
    if options.has("I"):
        entries = libc.getifaddrs()
        found = [] if entries == -1 else [entry.ifa_addr for entry in entries if not entry.ifa_flags & libc.IFF_LOOPBACK]
        libc.puts(" ".join(found))
    elif options.has("i"):
        found = libc.gethostbyname(name)
        if found is None:
            libc.eputs(f"hostname: {libc.hstrerror(libc.h_errno)}")
            return 1
        libc.puts(" ".join(libc.inet_ntoa(address) for address in found.h_addr_list))
    else:
        libc.puts(name.partition(".")[0] if options.has("s") else name)
    return 0
