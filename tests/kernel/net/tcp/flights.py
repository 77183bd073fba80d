"""A flight of ten segments that is about to lose some: what the tests of SACK and of loss recovery begin with."""

from harness import mss, sack_ok

SACK = mss(1460) + sack_ok()
M = 1460


def at(i, n=1):
    """The block of `n` segments of ours from the i-th on (counted from 0)."""
    return (1 + M * i, 1 + M * (i + n))


def number(segment):
    """Which of our segments it is, counted from 0."""
    return (segment.seq - 1) // M


def numbers(segments):
    return [number(s) for s in segments]


def flight(t, segments=10, options=SACK, **more):
    """A connection with a round trip of 100 ms; ten segments are out, the rest of `segments` waits."""
    c = t.established(options=options, rtt=0.1, **more)
    assert t.write(c.fd, bytes(M * segments)) == M * segments
    assert numbers(c.out()) == list(range(min(segments, 10)))
    t.sleep(0.1)
    return c
