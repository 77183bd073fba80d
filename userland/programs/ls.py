"""ls: lists directories."""

from userland import libc

USAGE = "ls [-1adl] [FILE ...]"
TYPES = {
    libc.S_IFDIR: "d",
    libc.S_IFCHR: "c",
    libc.S_IFBLK: "b",
    libc.S_IFIFO: "p",
    libc.S_IFSOCK: "s",
    libc.S_IFLNK: "l",
}


def main(argv):
    try:
        options = libc.getopt(argv, "1adl", USAGE)
    except libc.UsageError as error:
        libc.eputs(f"ls: {error}")
        return 2
    files = []
    directories = []
    status = 0
    for name in options.operands or ["."]:
        found = libc.stat(name)
        if found == -1:
            libc.eputs(f"ls: cannot access '{name}': {libc.strerror(libc.errno)}")
            status = 2
        elif found.is_directory() and not options.has("d"):
            directories.append(name)
        else:
            files.append((name, found))
    show(files, options, "")
    titled = len(directories) > 1 or files or status
    for index, directory in enumerate(directories):
        names = libc.listdir(directory)
        if names == -1:
            libc.eputs(f"ls: cannot open directory '{directory}': {libc.strerror(libc.errno)}")
            status = 2
            continue
        if titled:
            libc.puts(("\n" if index or files else "") + f"{directory}:")
        if not options.has("a"):
            names = [name for name in names if not name.startswith(".")]
        show([(name, libc.lstat(f"{directory}/{name}")) for name in names], options, directory)
    return status


def show(entries, options, directory):
    """One listing: long, one a line, or in columns on a terminal."""
    if not entries:
        return
    names = [name for name, _ in entries]
    if options.has("l"):
        sizes = [len(str(found.st_size)) for _, found in entries if found != -1]
        width = max(sizes, default=1)
        libc.fputs("".join(long_line(directory, name, found, width) for name, found in entries))
    elif options.has("1") or not libc.isatty(1):
        libc.puts("\n".join(names))
    else:
        libc.fputs(columns(names, libc.window_size(1)[1]))


def long_line(directory, name, found, width):
    if found != -1 and found.st_mode & libc.S_IFMT == libc.S_IFLNK:
        target = libc.readlink(f"{directory}/{name}" if directory else name)
        name = f"{name} -> {target}"
    if found == -1:
        return f"?????????? ? {'?':>{width}} ? {name}\n"
    year, month, day, hour, minute, _, _ = libc.gmtime(found.st_mtime)
    when = f"{year}-{month:02}-{day:02} {hour:02}:{minute:02}"
    return f"{mode_text(found.st_mode)} {found.st_nlink:>2} {found.st_size:>{width}} {when} {name}\n"


def mode_text(mode):
    """A file mode as ls writes it: drwxr-xr-x."""
    letters = "".join("rwxrwxrwx"[index] if mode & 0o400 >> index else "-" for index in range(9))
    return TYPES.get(mode & libc.S_IFMT, "-") + letters


def columns(names, width):
    """Names in as many columns as fit, read downwards."""
    cell = max(len(name) for name in names) + 2
    count = max(1, width // cell)
    rows = -(-len(names) // count)
    lines = []
    for row in range(rows):
        lines.append("".join(f"{name:<{cell}}" for name in names[row::rows]).rstrip())
    return "\n".join(lines) + "\n"
