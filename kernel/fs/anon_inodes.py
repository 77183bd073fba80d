"""Open files that have no name: pipes, sockets, epoll sets, eventfds.  They are known by a kind and an inode number.

`file.path` is the text that /proc/PID/fd shows: "pipe:[17]", "socket:[18]", "anon_inode:[eventpoll]".
"""

from kernel.fs.file import file

# All files of kind "anon_inode" share one inode, as in Linux.
ANON_INODE = 1
ANON_DEVICE = 14
DEVICES = {"pipe": 13, "socket": 9}


def anon_file(name, operations, flags, private):
    """An open file "anon_inode:[name]"."""
    return file(operations, flags, private_data=private, path=f"anon_inode:[{name}]")


def is_socket(filp):
    return filp.dentry is None and filp.path.startswith("socket:[")


def file_ids(filp):
    """(device number, inode number) of any open file."""
    if filp.dentry is not None:
        return filp.inode.i_sb.device, filp.inode.i_ino
    kind, _, rest = filp.path.partition(":[")
    number = rest.removesuffix("]")
    return DEVICES.get(kind, ANON_DEVICE), int(number) if number.isdigit() else ANON_INODE
