"""Control messages of SOL_SOCKET that a sender adds to one message: mark, priority, time stamps, when it leaves (socket(7))."""

from kernel.net.core.sock_flags import SOCK_TXTIME
from kernel.uapi.errno import EINVAL, EPERM
from kernel.uapi.errqueue import SOF_TIMESTAMPING_OPT_ID, SOF_TIMESTAMPING_TX_RECORD_MASK
from kernel.uapi.socket import (
    SCM_CREDENTIALS,
    SCM_RIGHTS,
    SCM_TS_OPT_ID,
    SCM_TXTIME,
    SO_MARK,
    SO_PRIORITY,
    SO_TIMESTAMPING,
    SO_TIMESTAMPING_NEW,
    SOCK_STREAM,
    SOL_SOCKET,
)

HIGHEST_FREE_PRIORITY = 6


class sockcm_cookie:
    """How one message is sent: the socket's own settings, until a control message says otherwise."""

    def __init__(self, sk):
        self.mark = sk.sk_mark
        self.priority = sk.sk_priority
        self.tsflags = sk.sk_tsflags
        self.ts_opt_id = -1
        # When it is to leave, in ns of the clock of SO_TXTIME; 0: at once.
        self.transmit_time = 0


def may_set_priority(sk, value):
    """Priorities up to 6 are everybody's, the others the superuser's."""
    return 0 <= value <= HIGHEST_FREE_PRIORITY or sk.net.sched.current.uid == 0


def sock_cmsg_take(sk, type, data, cookie):
    """One control message of SOL_SOCKET: 0, -EINVAL, -EPERM."""
    if type in (SCM_RIGHTS, SCM_CREDENTIALS):
        # These belong to AF_UNIX; elsewhere they are passed over.
        return 0
    if type == SCM_TXTIME:
        if not sk.sk_flags & SOCK_TXTIME or len(data) != 8:
            return -EINVAL
        cookie.transmit_time = int.from_bytes(data, "little")
        return 0
    if type not in (SO_MARK, SO_PRIORITY, SO_TIMESTAMPING, SO_TIMESTAMPING_NEW, SCM_TS_OPT_ID) or len(data) != 4:
        return -EINVAL
    value = int.from_bytes(data, "little")
    if type == SO_MARK:
        if sk.net.sched.current.uid != 0:
            return -EPERM
        cookie.mark = value
    elif type == SO_PRIORITY:
        if not may_set_priority(sk, value):
            return -EPERM
        cookie.priority = value
    elif type == SCM_TS_OPT_ID:
        if sk.sk_type == SOCK_STREAM or not sk.sk_tsflags & SOF_TIMESTAMPING_OPT_ID:
            return -EINVAL
        cookie.ts_opt_id = value
    else:
        if value & ~SOF_TIMESTAMPING_TX_RECORD_MASK:
            return -EINVAL
        cookie.tsflags = cookie.tsflags & ~SOF_TIMESTAMPING_TX_RECORD_MASK | value
    return 0


def sock_cmsg_send(sk, msg, cookie):
    """Take all control messages of SOL_SOCKET into `cookie`; those of other levels are not looked at."""
    for level, type, data in msg.msg_control or ():
        if level == SOL_SOCKET:
            err = sock_cmsg_take(sk, type, data, cookie)
            if err < 0:
                return err
    return 0
