"""Filters of ss: what the parser makes of words, and whether the kernel runs the program as the words say."""

from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.net.netlink.diag_bytecode import accepts, audit
from userland.net.sock_filter import ALL, CONNECTED, FilterError, Parser, compile_filter
from userland.net.sock_text import duration, milliseconds, timer_text


def entry(sport=80, dport=4000, saddr=0x0A000001, daddr=0x0A000002, ifindex=0, mark=0, bound=True):
    return SimpleNamespace(sport=sport, dport=dport, saddr=saddr, daddr=daddr, ifindex=ifindex, mark=mark, bound=bound)


def takes(text, item):
    _, node = Parser(text.split()).parse(ALL)
    code = compile_filter(node)
    assert audit(code)
    return accepts(code, item)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", True), ("sport = :80", True), ("sport = 81", False), ("sport != :80", False), ("dport >= 4000", True),
        ("dport gt 4000", False), ("dport < 4001 and sport le 80", True), ("src 10.0.0.1", True), ("src 10.0.0.0/24", True),
        ("dst 10.0.0.1", False), ("dst 10.0.0.2:4000", True), ("dst 10.0.0.2:4001", False), ("src :80", True),
        ("dst != 10.0.0.1", True), ("not sport = 80", False), ("! ( sport = 81 or dport = 1 )", True),
        ("sport = 81 or dport = 4000", True), ("sport = 81 or ( dport = 4000 and src 10.0.0.9 )", False),
        ("( sport = 80 dport = 4000 )", True), ("not not sport = 80", True), ("autobound", False),
    ],
)  # fmt: skip
def test_expressions(text, expected):
    assert takes(text, entry()) == expected


@pytest.mark.parametrize(
    "text",
    ["sport", "sport = x", "src 1.2.3", "( sport = 1", "and", "state", "state nope", "foo", "src > 1.2.3.4", "sport = 99999"],
)
def test_expressions_that_are_none(text, call_program):
    def attempt():
        try:
            Parser(text.split()).parse(ALL)
        except FilterError as error:
            return str(error)
        return ""

    assert call_program(attempt)


def test_states():
    assert Parser(["state", "established"]).parse(0)[0] == 1 << 1
    assert Parser("exclude listening exclude closed".split()).parse(0)[0] == CONNECTED
    assert Parser(["state", "connected", "sport", "=", "1"]).parse(0)[0] == CONNECTED
    assert Parser([]).parse(77) == (77, None)


conditions = st.recursive(
    st.one_of(
        st.tuples(st.sampled_from(["sport", "dport"]), st.sampled_from(["=", "!=", ">", "<", ">=", "<="]), st.integers(1, 4)),
        st.tuples(st.sampled_from(["src", "dst"]), st.just("="), st.integers(1, 4)),
    ),
    lambda inner: st.one_of(st.tuples(st.just("not"), inner), st.tuples(st.sampled_from(["and", "or"]), inner, inner)),
    max_leaves=12,
)


def words(tree):
    if tree[0] == "not":
        return f"not ( {words(tree[1])} )"
    if tree[0] in ("and", "or"):
        return f"( {words(tree[1])} ) {tree[0]} ( {words(tree[2])} )"
    if tree[0] in ("src", "dst"):
        return f"{tree[0]} 10.0.0.{tree[2]}"
    return f"{tree[0]} {tree[1]} {tree[2]}"


def model(tree, item):
    if tree[0] == "not":
        return not model(tree[1], item)
    if tree[0] in ("and", "or"):
        left, right = model(tree[1], item), model(tree[2], item)
        return left and right if tree[0] == "and" else left or right
    if tree[0] in ("src", "dst"):
        return (item.saddr if tree[0] == "src" else item.daddr) == 0x0A000000 + tree[2]
    value = item.sport if tree[0] == "sport" else item.dport
    number = tree[2]
    return {
        "=": value == number, "!=": value != number, ">": value > number, "<": value < number, ">=": value >= number,
        "<=": value <= number,
    }[tree[1]]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(conditions, st.integers(1, 4), st.integers(1, 4), st.integers(1, 4), st.integers(1, 4))
def test_programs_say_what_the_words_say(tree, sport, dport, source, target):
    item = entry(sport, dport, 0x0A000000 + source, 0x0A000000 + target)
    assert takes(words(tree), item) == model(tree, item)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60))
def test_any_program_is_refused_or_ends(code):
    if code and audit(code):
        assert accepts(code, entry()) in (True, False)


def test_words():
    assert (duration(200), duration(5120), duration(45000), duration(7200000)) == ("200ms", "5.120sec", "45sec", "120min")
    assert (milliseconds(200000), milliseconds(22), milliseconds(1500)) == ("200", "0.022", "1.5")
    assert timer_text(2, 7200000, 0) == " timer:(keepalive,120min,0)" and timer_text(0, 0, 0) == ""
