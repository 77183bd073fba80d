"""The file systems at boot: the root from the initramfs, /dev, /proc, and a folder of the host at /host."""

from kernel.fs import proc_pid
from kernel.fs.devfs import make_devfs
from kernel.fs.hostfs import hostfs
from kernel.fs.namei import fs_struct, root_dentry
from kernel.fs.pipe import pipe_file_operations
from kernel.fs.procfs import procfs
from kernel.fs.ramfs import ramfs
from kernel.init.host_root import mount_host_root
from kernel.mm.shmem import shm_mount
from kernel.sysctl import SysctlTable
from kernel.tty.init import tty_init

ROOT_DEVICE = 1
DEV_DEVICE = 2
PROC_DEVICE = 3
HOST_DEVICE = 4
SHM_DEVICE = 6
NAMELESS_DEVICE = 7
PTS_DEVICE = 8
# A file system in memory takes at most one part in so many, as Linux bounds tmpfs.
RAM_SHARE = 2
# What programs may share without a name: as much as one of them may have mapped for writing.
SHARED_MEMORY = 1 << 30
DIRECTORIES = ("bin", "sbin", "dev", "etc", "home", "proc", "root", "tmp")
PROGRAM_DIRECTORIES = ("/bin/", "/sbin/", "/usr/bin/")


def vfs_init(kernel):
    """Make the root, /dev and /proc; `kernel.vfs` is the root's fs_struct, from which every task's is copied."""
    now = realtime(kernel)
    limit = kernel.arch.memory.size // RAM_SHARE
    root = ramfs("ramfs", ROOT_DEVICE, now, limit)
    for name in DIRECTORIES:
        root.ensure_dir([name])
    top = root_dentry(root.root)
    kernel.vfs = fs_struct(top, top)
    kernel.rootfs = root
    kernel.pipe_operations = pipe_file_operations(kernel.sched)
    kernel.mounts.append(("/", root))
    devices = make_devfs(DEV_DEVICE, now, kernel.random, limit)
    terminals = tty_init(kernel, devices, PTS_DEVICE, now, limit)
    mount(kernel, "dev", devices)
    kernel.mounts.append(("/dev/pts", terminals))
    shm = ramfs("tmpfs", SHM_DEVICE, now, limit)
    shm.root.i_mode |= 0o1777
    devices.ensure_dir(["shm"]).i_mount = shm.root
    kernel.mounts.append(("/dev/shm", shm))
    kernel.shm = shm_mount(NAMELESS_DEVICE, now, SHARED_MEMORY)
    kernel.proc = procfs(PROC_DEVICE)
    mount(kernel, "proc", kernel.proc)
    for _, sb in kernel.mounts:
        sb.fifo_operations = kernel.pipe_operations
    kernel.sysctl = SysctlTable(kernel.proc)
    kernel.ptys.register(kernel.sysctl)
    proc_pid.proc_init(kernel)


def realtime(kernel):
    """A function that gives the time for inodes."""
    return lambda: kernel.boot_time + kernel.timers.now()


def mount(kernel, name, sb):
    """Mount `sb` at /NAME."""
    kernel.rootfs.ensure_dir([name]).i_mount = sb.root
    kernel.mounts.append((f"/{name}", sb))


def populate(kernel):
    """Unpack the initramfs, and mount the host's folder if there is one."""
    for path, content in kernel.initramfs.items():
        mode = 0o755 if path.startswith(PROGRAM_DIRECTORIES) else 0o644
        kernel.rootfs.add_file(path, content, mode)
    if kernel.cmdline.get("root"):
        mount_host_root(kernel, kernel.cmdline["root"])
    folder = kernel.cmdline.get("share")
    if folder:
        share = hostfs(HOST_DEVICE, folder)
        kernel.add_shutdown(share.close)
        mount(kernel, "host", share)
