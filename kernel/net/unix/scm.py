"""Control messages of AF_UNIX: descriptors (SCM_RIGHTS) and who sends (SCM_CREDENTIALS); unix(7), cmsg(3)."""

from struct import Struct

from kernel.fs.file import get_file
from kernel.net.core.sock_flags import SOCK_PASSCRED
from kernel.uapi.errno import EBADF, EINVAL, EPERM, ESRCH
from kernel.uapi.socket import MSG_CMSG_CLOEXEC, MSG_CTRUNC, SCM_CREDENTIALS, SCM_RIGHTS, SOL_SOCKET

SCM_MAX_FD = 253
# struct cmsghdr: a word with the length, then level and type, 4 bytes each.
CMSGHDR_REST = 8
FD_SIZE = 4
UCRED = Struct("<iII")
# Of nobody: no pid, and ids that nobody has.
NO_CRED = (0, 0xFFFFFFFF, 0xFFFFFFFF)
# Of a stream from which nothing has been read.
NO_SENDER = (0, 0, 0)


class unix_skb_parms:
    """What an sk_buff of AF_UNIX carries beside its bytes.

    `files` are the open files on their way, `cred` is (pid, uid, gid).
    """

    def __init__(self, cred, files):
        self.cred = cred
        self.files = files


class scm_cookie:
    """What is sent along with a message, or has come with one: `cred` is (pid, uid, gid), `files` are open files."""

    def __init__(self, cred=None):
        self.cred = cred
        self.files = []


def task_cred(task):
    """(pid, uid, gid) of a task."""
    return task.tgid, task.uid, task.uid


def scm_send(net, msg, takes_files=True):
    """The control messages of a message that is being sent as an scm_cookie, or a negative errno.

    Only AF_UNIX takes files.

    The files of an scm_cookie are counted: whoever does not send them puts them.
    """
    task = net.sched.current
    scm = scm_cookie(task_cred(task))
    for level, type, data in msg.msg_control or ():
        err = 0
        if level != SOL_SOCKET:
            continue
        if type == SCM_RIGHTS and takes_files:
            err = scm_fp_copy(task, scm, data)
        elif type == SCM_CREDENTIALS:
            err = scm_check_creds(net, task, scm, data)
        else:
            err = -EINVAL
        if err < 0:
            net.unix_domain.put_files(scm.files)
            return err
    return scm


def scm_fp_copy(task, scm, data):
    """SCM_RIGHTS: count the files of the descriptors in `data`; 0, -EINVAL or -EBADF."""
    count = len(data) // FD_SIZE
    if len(scm.files) + count > SCM_MAX_FD:
        return -EINVAL
    for position in range(count):
        fd = int.from_bytes(data[position * FD_SIZE : (position + 1) * FD_SIZE], "little", signed=True)
        filp = task.files.fget(fd)
        if filp is None:
            return -EBADF
        get_file(filp)
        scm.files.append(filp)
    return 0


def scm_check_creds(net, task, scm, data):
    """SCM_CREDENTIALS: what a program may say of itself; root may claim anything but a pid that does not exist."""
    if len(data) != UCRED.size:
        return -EINVAL
    pid, uid, gid = UCRED.unpack(data)
    own = task_cred(task)
    if task.uid != 0 and (pid, uid, gid) != own:
        return -EPERM
    if pid != own[0] and net.kernel.pids.find(pid) is None:
        return -ESRCH
    scm.cred = (pid, uid, gid)
    return 0


# --- on the sk_buff ---


def attach(domain, skb, cookie):
    """Put credentials and files on an sk_buff."""
    skb.cb = unix_skb_parms(cookie.cred, cookie.files)
    for filp in cookie.files:
        domain.take_off(filp)


def detach_fds(domain, skb):
    """Take the files off an sk_buff: a list, which the caller has to put."""
    parms = skb.cb
    if not isinstance(parms, unix_skb_parms) or not parms.files:
        return []
    files = parms.files
    parms.files = []
    for filp in files:
        domain.landed(filp)
    return files


def peek_fds(skb):
    """The files of an sk_buff, counted once more each."""
    return [get_file(filp) for filp in skb.cb.files]


# --- to the receiver ---


def scm_recv(sk, msg, scm):
    """Tell the receiver what came along: control messages, new descriptors.  What finds no room is put."""
    # Control messages in the program's memory: their header, and to what their sizes are rounded.
    word = sk.net.sched.current.abi.word
    header = word + CMSGHDR_REST
    room = msg.msg_controllen if msg.msg_control is not None else 0
    room -= sum(header + (len(data) + word - 1 & -word) for _, _, data in msg.msg_control or ())
    if sk.sk_flags & SOCK_PASSCRED:
        if msg.msg_control is not None:
            msg.msg_control.append((SOL_SOCKET, SCM_CREDENTIALS, UCRED.pack(*(scm.cred or NO_SENDER))))
        else:
            msg.msg_flags |= MSG_CTRUNC
        room -= header + (UCRED.size + word - 1 & -word)
    if scm.files:
        fds = scm_detach_fds(sk, scm, max(0, room - header) // FD_SIZE, msg.msg_flags & MSG_CMSG_CLOEXEC != 0)
        if fds:
            data = b"".join([fd.to_bytes(FD_SIZE, "little") for fd in fds])
            msg.msg_control.append((SOL_SOCKET, SCM_RIGHTS, data))
        if len(fds) < len(scm.files):
            msg.msg_flags |= MSG_CTRUNC
        sk.domain.put_files(scm.files[len(fds) :])


def scm_detach_fds(sk, scm, limit, cloexec):
    """Install up to `limit` of the files as descriptors of the current task; as many as its table takes."""
    files = sk.net.sched.current.files
    fds = []
    for filp in scm.files[:limit]:
        fd = files.install_new(filp, cloexec)
        if fd < 0:
            break
        fds.append(fd)
    return fds
