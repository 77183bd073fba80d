"""Who hears of what happens to files: the marks on an inode, and the places in the file systems that tell them.

A mark has a `mask` of IN_* events and an `event(node, mask, name, cookie)`; kernel/fs/inotify.py makes them.
"""

from kernel.uapi.fcntl import FMODE_WRITE
from kernel.uapi.inotify import (
    IN_CLOSE_NOWRITE,
    IN_CLOSE_WRITE,
    IN_DELETE_SELF,
    IN_IGNORED,
    IN_ISDIR,
    IN_MOVE_SELF,
    IN_MOVED_FROM,
    IN_MOVED_TO,
)


def notify(node, mask, name="", cookie=0, unlinked=False):
    """Something has happened to `node`, or to what is (or, `unlinked`, was) called `name` in this directory."""
    for mark in list(node.i_fsnotify_marks or ()):
        mark.notify(mask, name, cookie, unlinked)


def notify_entry(entry, mask):
    """Something has happened to the file of a dentry: who watches its directory is told, and who watches it."""
    node = entry.inode
    if node.is_dir():
        mask |= IN_ISDIR
    if entry.parent is not None and entry.parent.inode.i_fsnotify_marks:
        parent = entry.parent.inode
        notify(parent, mask, entry.name, 0, parent.i_op.lookup(parent, entry.name) is not node)
    if node.i_fsnotify_marks:
        notify(node, mask)


def notify_child(parent, node, mask, name):
    """Something has happened to a name in a directory."""
    if parent.i_fsnotify_marks:
        notify(parent, mask | IN_ISDIR if node.is_dir() else mask, name)


def notify_move(old_parent, old_name, new_parent, new_name, node):
    """A file has another name."""
    kind = IN_ISDIR if node.is_dir() else 0
    if old_parent.i_fsnotify_marks or new_parent.i_fsnotify_marks:
        sb = node.i_sb
        sb.move_cookie += 1
        notify(old_parent, IN_MOVED_FROM | kind, old_name, sb.move_cookie)
        notify(new_parent, IN_MOVED_TO | kind, new_name, sb.move_cookie)
    notify(node, IN_MOVE_SELF)


def notify_close(filp):
    """An open file is closed for good."""
    if filp.dentry is not None:
        notify_entry(filp.dentry, IN_CLOSE_WRITE if filp.f_mode & FMODE_WRITE else IN_CLOSE_NOWRITE)


def inode_gone(node):
    """A file is no more: its marks go with it."""
    notify(node, IN_DELETE_SELF)
    for mark in list(node.i_fsnotify_marks or ()):
        mark.detach(IN_IGNORED)
