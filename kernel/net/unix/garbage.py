"""Sockets that only messages keep which nobody can receive: found and ended, as unix(7) promises.

A descriptor may be on its way in a message that waits in the queue of the very socket it stands for, or of one that is on
its way itself.  No program can reach those any more, and their counts never fall to zero by themselves.
"""

from kernel.net.unix.scm import detach_fds, unix_skb_parms
from kernel.net.unix.unix_sock import unix_sock


def queued(sk):
    """The sk_buffs in the receive queue, and in those of connections that wait to be accepted."""
    found = []
    for skb in sk.sk_receive_queue:
        if isinstance(skb.cb, unix_sock):
            found += list(skb.cb.sk_receive_queue)
        elif isinstance(skb.cb, unix_skb_parms):
            found.append(skb)
    return found


def carried(filp):
    """The files in the messages that wait at a socket's file."""
    return [child for skb in queued(filp.private_data.sk) for child in skb.cb.files]


def unix_gc(domain):
    """End the sockets that nothing but each other's messages keep; returns how many messages lost their files."""
    inflight = domain.inflight
    garbage = {filp: count for filp, count in inflight.items() if filp.f_count == count}
    if not garbage:
        return 0
    # How many messages outside of the suspects' own queues carry each.
    outside = dict(garbage)
    for filp in garbage:
        for child in carried(filp):
            if child in outside:
                outside[child] -= 1
    alive = [filp for filp, count in outside.items() if count > 0]
    while alive:
        filp = alive.pop()
        if garbage.pop(filp, None) is not None:
            alive += [child for child in carried(filp) if child in garbage]
    lost = []
    messages = 0
    for filp in garbage:
        for skb in queued(filp.private_data.sk):
            files = detach_fds(domain, skb)
            messages += bool(files)
            lost += files
    domain.put_files(lost)
    return messages
