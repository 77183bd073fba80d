"""Frames of every kind, right and wrong, for a booted machine whose program holds sockets of every kind.

No frame may stop the machine, leave anything behind when the program has gone, or make it send malformed frames.  An
input is a list of records: a frame (or several), a deed of the program, or time that passes.
"""

from .choices import Choices, mutate_records, records
from .frames import BUILDERS
from .kept import Kept
from .rig import MILLISECOND, SECOND, Rig
from .server import Server

LONGEST_INPUT = 1500
RECORDS = 40
TIMES = (0, MILLISECOND, 40 * MILLISECOND, 200 * MILLISECOND, SECOND, 3 * SECOND, 31 * SECOND)
# Shares of what a record may be, of 16.
DEEDS = 3
PAUSES = 2


BENCH = Kept(Rig)
recover = BENCH.recover
mutate = mutate_records


def play(rig, commands, choices):
    """Carry out one record."""
    kind = choices.below(16)
    if kind < DEEDS:
        commands.append((choices.byte(), choices.byte()))
        rig.interrupt()
    elif kind < DEEDS + PAUSES:
        rig.run(choices.pick(TIMES))
    else:
        for frame in choices.pick(BUILDERS)(choices, rig.peer):
            rig.peer.inject(frame)
    rig.run(MILLISECOND)


def run(data):
    """Play `data` to the machine and let everything come to rest."""
    rig = BENCH.get()
    rig.peer.begin()
    commands = []
    rig.start(Server(commands))
    rig.run(MILLISECOND)
    for record in records(data)[:RECORDS]:
        play(rig, commands, Choices(record))
    rig.end()
    rig.check()
