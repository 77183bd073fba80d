"""When segments leave: not faster than SO_MAX_PACING_RATE allows, and later by TCP_TX_DELAY (tcp(7)).

The rate is kept here, with a timer of the connection.  A delay is the queueing discipline's business: a segment carries the
time at which it may leave (`tstamp`, ns), which fq obeys and pfifo does not look at.
"""

from kernel.net.ipv4.tcp_const import NSEC_PER_SEC, NSEC_PER_USEC, TCP_INIT_CWND

# For every byte in the network about as much again is overhead, and a second is about 2 ** 20 us.
DELAY_SHIFT = 19


def tcp_pacing_check(sk):
    """True when the next sk_buff must wait (SO_MAX_PACING_RATE): the timer will send it."""
    if sk.tcp_wstamp_ns <= sk.net.timers.now():
        return False
    if not sk.pacing_timer.pending():
        sk.net.timers.mod_timer(sk.pacing_timer, sk.tcp_wstamp_ns)
    return True


def tcp_pacing_sent(sk, length):
    """Say when the next sk_buff may leave: as much later as `length` bytes take at the allowed rate.

    What this one has left late (timers tick in milliseconds) counts for the next one.  The first ten segments go freely.
    """
    now = sk.net.timers.now()
    prior = sk.tcp_wstamp_ns
    sk.tcp_wstamp_ns = max(prior, now)
    rate = min(sk.sk_pacing_rate, sk.sk_max_pacing_rate)
    if rate > 0 and sk.data_segs_out >= TCP_INIT_CWND:
        needed = length * NSEC_PER_SEC // rate
        sk.tcp_wstamp_ns += needed - min(needed, sk.tcp_wstamp_ns - prior)


def tcp_departure(net, delay):
    """When a segment leaves that is to wait `delay` us: for its sk_buff's `tstamp`."""
    return net.timers.now() + delay * NSEC_PER_USEC


def tcp_delayed_bytes(sk):
    """What waits in the queueing discipline for TCP_TX_DELAY alone, in bytes of sk_buffs: tcp_small_queue_check lets it."""
    return sk.sk_pacing_rate * sk.tx_delay >> DELAY_SHIFT
