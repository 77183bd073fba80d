"""The differential test in small: a few hundred sequences, everything it has found, and its own parts."""

import platform
from pathlib import Path

import pytest

from .campaign import Campaign
from .compare import compare
from .found import FOUND, sequence
from .generator import Generator
from .host import Host, decoded, encoded, missing
from .known import KNOWN
from .machine import Machine
from .sequence import PAIR, RESULT, Fd, Outcome, Poke, Ptr, Sequence, Step, changed_runs
from .shapes import iovec, sockaddr_in
from .shrink import shrink

# The order of some checks has changed since Linux 6.1; the answers are those of this release and later ones.
REFERENCE = (6, 15)
SEED = 4
SEQUENCES = 300
PAGE_TEXT = Path(__file__).parents[2] / "docs" / "differential.md"


def release():
    return tuple(int(part) for part in platform.release().split("-")[0].split(".")[:2])


asks_host = [
    pytest.mark.interop,
    pytest.mark.skipif(bool(missing()), reason=missing()),
]


def needs_reference():
    if release() < REFERENCE:
        pytest.skip(f"the host's Linux {platform.release()} answers some calls as it did before {REFERENCE[0]}.{REFERENCE[1]}")


@pytest.fixture(scope="module")
def machine():
    machine = Machine()
    yield machine
    machine.check()


@pytest.mark.parametrize("name", FOUND)
def test_what_was_found(machine, name):
    _, results, changes = FOUND[name]
    outcomes = machine.run(sequence(name))
    machine.check_oops()
    assert tuple(outcome.result for outcome in outcomes) == results
    assert changes is None or outcomes[-1].changes == changes


class TestOnTheHost:
    pytestmark = asks_host

    def test_what_was_found_is_what_linux_does(self):
        needs_reference()
        with Host() as host:
            for name, (_, results, changes) in FOUND.items():
                outcomes = host.run(sequence(name))
                assert (name, tuple(outcome.result for outcome in outcomes)) == (name, results)
                assert changes is None or (name, outcomes[-1].changes) == (name, changes)

    def test_sequences_agree(self):
        needs_reference()
        said = []
        campaign = Campaign(SEED, said.append)
        campaign.batch([campaign.generator.make(number) for number in range(SEQUENCES)])
        totals = campaign.totals
        assert not totals.kinds, "\n".join(said)
        assert totals.sequences == SEQUENCES and totals.steps > 5 * SEQUENCES
        # Most calls that can be made are made, and not all of them fail.
        assert len(totals.calls) > 30 and totals.failed < 0.7 * totals.steps

    def test_the_host_sees_a_difference(self):
        """A step whose result we claim to be another is found."""
        asked = Sequence(0, (Step("socket", (2, 1, 0), makes=1), Step("listen", (Fd(0), 1))))
        with Host() as host:
            outcomes = host.run(asked)
        assert compare(asked, outcomes, outcomes) is None
        other = [outcomes[0], Outcome(-95, 0, 1, ())]
        difference = compare(asked, outcomes, other)
        assert (difference.index, difference.host, difference.ours) == (1, "0", "-95")


def test_the_generator_is_deterministic():
    first, second = Generator(7), Generator(7)
    for number in (0, 1, 50, 99, 100, 1234):
        assert first.make(number) == second.make(number)
    assert first.make(50) != Generator(8).make(50)
    assert any(first.make(number).together for number in range(5))
    assert not first.make(50).together


def test_sequences_have_addresses_of_their_own():
    texts = [str(Generator(1).make(number)) for number in (10, 11)]
    assert texts[0] != texts[1]


def test_every_sequence_can_be_encoded():
    generator = Generator(3)
    for number in range(200):
        made = generator.make(number)
        raw = encoded(made, generator.table)
        assert len(raw) == 4 + int.from_bytes(raw[:4], "little")


def test_outcomes_are_decoded():
    raw = (-11).to_bytes(8, "little", signed=True) + b"\1\2\1\0" + b"\x10\0\3\0abc"
    assert decoded(raw) == [Outcome(-11, 1, 2, ((16, b"abc"),))]


def test_changed_runs():
    before = bytes(200)
    after = bytearray(before)
    after[0] = after[1] = after[70] = after[199] = 1
    assert changed_runs(before, after) == ((0, b"\1\1"), (70, b"\1"), (199, b"\1"))


def one(result, changes=()):
    return [Outcome(result, 0, 0, changes)]


def test_ephemeral_ports_are_each_kernels_own():
    asked = Sequence(0, (Step("getsockname", (Fd(0), 0, 0)),))
    first, second, bound = ((0xE00, sockaddr_in(0x7F000001, port)) for port in (40000, 50000, 2000))
    assert compare(asked, one(0, (first,)), one(0, (second,))) is None
    assert compare(asked, one(0, (first,)), one(0, (bound,))) is not None


def test_masks_and_sigpipes():
    step = Step("recvfrom", (Fd(0),), masks=((4, 2),))
    asked = Sequence(0, (step,))
    assert compare(asked, one(6, ((0, b"aaaaXXb"),)), one(6, ((0, b"aaaaYYb"),))) is None
    assert compare(asked, one(6, ((0, b"aaaaXXb"),)), one(6, ((0, b"aaaaXXc"),))).what == "recvfrom: memory"
    assert compare(asked, [Outcome(-32, 1, 0, ())], [Outcome(-32, 0, 0, ())]).what == "recvfrom: SIGPIPE"
    assert compare(asked, one(1), []).what == "the end"


def test_the_headers_of_raw_packets_are_each_kernels_own_where_they_are():
    vector = Poke(0x900, iovec([(Ptr(0x100), 5), (Ptr(0x300), 100)]))
    steps = Step("socket", (2, 3, 253), makes=RESULT), Step("readv", (Fd(0), Ptr(0x900), 2), (vector,))
    asked = Sequence(0, steps)

    def received(identification, payload):
        header = b"\x45\0\0\x15" + identification + b"\x40\0\x40\xfd" + identification + bytes(8) + payload
        return [Outcome(3, 0, 0, ()), Outcome(21, 0, 1, ((0x100, header[:5]), (0x300, header[5:])))]

    assert compare(asked, received(b"ab", b"x"), received(b"cd", b"x")) is None
    assert compare(asked, received(b"ab", b"x"), received(b"cd", b"y")).what == "readv: memory"
    # Of another kind of socket the same bytes count.
    other = Sequence(0, (Step("socket", (2, 2, 0), makes=RESULT), steps[1]))
    assert compare(other, received(b"ab", b"x"), received(b"cd", b"x")) is not None


def test_names_that_a_kernel_chooses_are_its_own():
    asked = Sequence(0, (Step("getsockname", (Fd(0), 0, 0)),))
    first, second, longer = ((0xE00, b"\1\0\0" + name) for name in (b"01234", b"abcde", b"wxyz5"))
    assert compare(asked, one(0, (first,)), one(0, (second,))) is None
    assert compare(asked, one(0, (first,)), one(0, (longer,))) is not None
    mine, theirs = ((0xE00, b"\x10\0\0\0" + number.to_bytes(4, "little") + bytes(4)) for number in (301, 302))
    assert compare(asked, one(0, (mine,)), one(0, (theirs,))) is None


def test_one_of_twenty_sequences_is_a_wide_one():
    steps = [step for number in range(95, 2000, 100) for step in Generator(1).make(number).steps]
    assert {"epoll_ctl", "sendto", "bind", "recvmsg"} <= {step.call for step in steps}
    assert {16, 17} <= {step.arguments[0] for step in steps if step.call == "socket"}


def test_shrinking_keeps_what_matters():
    class Judged:
        """Differs in the last step whenever the step that matters is there."""

        def difference(self, asked):
            if steps[3] not in asked.steps:
                return None
            return compare(asked, [Outcome(0, 0, 0, ())] * len(asked.steps), one(0) * (len(asked.steps) - 1) + one(-1))

    steps = tuple(Step("lseek", (number, 0, 0)) for number in range(9))
    asked = Sequence(0, steps)
    small, difference = shrink(asked, Judged().difference(asked), Judged())
    assert small.steps == (steps[3], steps[8]) and difference.index == 1


def test_two_tasks_share_descriptors(machine):
    """One task sleeps in a read, the other one writes; then one closes what the other one sleeps on."""
    page = Ptr(0x100)
    asked = Sequence(0, (
        Step("socketpair", (1, 1, 0, Ptr(0)), makes=PAIR),
        Step("read", (Fd(0), page, 4)), Step("write", (Fd(1), page, 2), task=1),
        Step("read", (Fd(0), page, 4)), Step("close", (Fd(0),), task=1), Step("close", (Fd(1),), task=1),
    ))  # fmt: skip
    outcomes = machine.run(asked)
    assert [outcome.result for outcome in outcomes] == [0, 2, 2, 0, 0, 0]
    assert [outcome.finished for outcome in outcomes] == [0, 2, 2, 5, 4, 5]


def test_every_known_difference_is_documented():
    text = PAGE_TEXT.read_text()
    for entry in KNOWN:
        assert entry.name in text and entry.reason
