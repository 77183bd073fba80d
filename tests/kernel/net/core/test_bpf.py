"""Classic BPF: which programs may run, and what they answer, against a simple model of the machine."""

from struct import pack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.arch.memory import RAM
from kernel.mm.slab import Slab
from kernel.net.core import skbuff as s
from kernel.net.core.bpf import bpf_prog
from kernel.net.core.filter import KNOWN, bpf_check_classic
from kernel.uapi.errno import EINVAL

MASK = 0xFFFFFFFF
RET_K, RET_A = 0x06, 0x16
LD_ABS = {4: 0x20, 2: 0x28, 1: 0x30}


def assemble(*instructions):
    return b"".join(pack("<HBBI", *instruction) for instruction in instructions)


def run(program, packet, split=0, **fields):
    """The program's answer about a packet of which the last `split` bytes lie in a fragment."""
    cache = s.skbuff_cache(Slab(RAM(1 << 20)))
    skb = s.alloc_skb(cache, 64 + len(packet))
    s.skb_reserve(skb, 64)
    head = packet[: len(packet) - split] if split else packet
    s.skb_put_data(skb, head)
    skb.mac_header = skb.network_header = 64
    if split:
        from kernel.arch.uaccess import kernel_iter
        from kernel.net.core.skb_data import skb_add_frags_iter

        skb_add_frags_iter(skb, kernel_iter(packet[len(head) :]), split, s.page_frag())
    for name, value in fields.items():
        setattr(skb, name, value)
    result = bpf_prog(program).run(skb)
    s.consume_skb(skb)
    return result


def model(program, packet):
    """What the program answers, step by step as the paper describes the machine; ancillary loads are left out."""
    a = x = 0
    memory = [0] * 16
    pc = 0

    def load(offset, width):
        if offset >= len(packet) or offset + width > len(packet):
            raise IndexError
        return int.from_bytes(packet[offset : offset + width], "big")

    try:
        while True:
            code, jt, jf, k = program[pc]
            pc += 1
            kind, operand = code & 7, x if code & 8 else k
            width = {0x00: 4, 0x08: 2, 0x10: 1}[code & 0x18] if kind < 2 else 0
            mode = code & 0xE0
            if kind == 0:
                a = {
                    0x00: lambda k=k: k, 0x20: lambda k=k, w=width: load(k, w),
                    0x40: lambda k=k, w=width, x=x: load((x + k) & MASK, w),
                    0x60: lambda k=k: memory[k], 0x80: lambda: len(packet),
                }[mode]()  # fmt: skip
            elif kind == 1:
                x = {
                    0x00: lambda k=k: k, 0x60: lambda k=k: memory[k], 0x80: lambda: len(packet),
                    0xA0: lambda k=k: (load(k, 1) & 15) * 4,
                }[mode]()  # fmt: skip
            elif kind == 2:
                memory[k] = a
            elif kind == 3:
                memory[k] = x
            elif kind == 4:
                operation = code & 0xF0
                if operation in (0x30, 0x90) and operand == 0:
                    return 0
                a = {
                    0x00: lambda a=a, o=operand: a + o, 0x10: lambda a=a, o=operand: a - o, 0x20: lambda a=a, o=operand: a * o,
                    0x30: lambda a=a, o=operand: a // o, 0x40: lambda a=a, o=operand: a | o,
                    0x50: lambda a=a, o=operand: a & o, 0x60: lambda a=a, o=operand: a << (o & 31),
                    0x70: lambda a=a, o=operand: a >> (o & 31), 0x80: lambda a=a: -a, 0x90: lambda a=a, o=operand: a % o,
                    0xA0: lambda a=a, o=operand: a ^ o,
                }[operation]() & MASK  # fmt: skip
            elif kind == 5:
                if code & 0xF0 == 0:
                    pc += k
                else:
                    holds = {0x10: a == operand, 0x20: a > operand, 0x30: a >= operand, 0x40: a & operand != 0}[code & 0xF0]
                    pc += jt if holds else jf
            elif kind == 6:
                return a if code == RET_A else k
            elif code == 0x87:
                a = x
            else:
                x = a
    except IndexError:
        return 0


@pytest.mark.parametrize(
    ("program", "good"),
    [
        ([], False),
        ([(RET_K, 0, 0, 1)], True),
        ([(RET_A, 0, 0, 0)], True),
        ([(0x20, 0, 0, 0)], False),
        ([(RET_K, 0, 0, 1)] * 4096, True),
        ([(RET_K, 0, 0, 1)] * 4097, False),
        ([(0xFF, 0, 0, 0), (RET_K, 0, 0, 0)], False),
        ([(0x34, 0, 0, 0), (RET_K, 0, 0, 0)], False),
        ([(0x34, 0, 0, 1), (RET_K, 0, 0, 0)], True),
        ([(0x94, 0, 0, 0), (RET_K, 0, 0, 0)], False),
        ([(0x64, 0, 0, 32), (RET_K, 0, 0, 0)], False),
        ([(0x74, 0, 0, 31), (RET_K, 0, 0, 0)], True),
        ([(0x02, 0, 0, 16), (RET_K, 0, 0, 0)], False),
        ([(0x60, 0, 0, 3), (RET_K, 0, 0, 0)], False),
        ([(0x02, 0, 0, 3), (0x60, 0, 0, 3), (RET_K, 0, 0, 0)], True),
        # Written on one way only.
        ([(0x15, 0, 1, 7), (0x02, 0, 0, 0), (0x60, 0, 0, 0), (RET_K, 0, 0, 0)], False),
        ([(0x15, 1, 0, 7), (0x02, 0, 0, 0), (0x61, 0, 0, 0), (RET_K, 0, 0, 0)], False),
        ([(0x05, 0, 0, 0), (RET_K, 0, 0, 0)], True),
        ([(0x05, 0, 0, 1), (RET_K, 0, 0, 0)], False),
        ([(0x05, 0, 0, MASK), (RET_K, 0, 0, 0)], False),
        ([(0x15, 1, 0, 0), (RET_K, 0, 0, 0)], False),
        ([(0x15, 0, 1, 0), (RET_K, 0, 0, 0)], False),
        ([(0x20, 0, 0, 0xFFFFF000), (RET_A, 0, 0, 0)], True),
        ([(0x20, 0, 0, 0xFFFFF001), (RET_A, 0, 0, 0)], False),
        ([(0x20, 0, 0, 0xFFFFF100), (RET_A, 0, 0, 0)], False),
        ([(0x20, 0, 0, 0xFFF00000), (RET_A, 0, 0, 0)], True),
    ],
)
def test_which_programs_may_run(program, good):
    assert bpf_check_classic(assemble(*program)) == (0 if good else -EINVAL)


CODES = sorted(KNOWN)


@st.composite
def programs(draw):
    """Programs that are mostly right: jumps stay inside, numbers are small or large."""
    length = draw(st.integers(1, 20))
    out = []
    for position in range(length - 1):
        left = length - position - 2
        code = draw(st.sampled_from(CODES))
        jump = st.integers(0, max(0, left))
        k = draw(st.one_of(st.integers(0, 40), st.integers(0, MASK)))
        if code == 0x05:
            k = draw(jump)
        elif code & 7 in (2, 3) or code in (0x60, 0x61):
            k = draw(st.integers(0, 15))
        out.append((code, draw(jump), draw(jump), k))
    out.append((draw(st.sampled_from([RET_K, RET_A])), 0, 0, draw(st.integers(0, MASK))))
    return out


@settings(max_examples=600, deadline=None)
@given(programs(), st.binary(min_size=1, max_size=60), st.integers(0, 20))
def test_programs_answer_as_the_model_does(program, packet, split):
    code = assemble(*program)
    beside = any(k >= 0xFFE00000 for op, _, _, k in program if op & 7 == 0 and op & 0xE0 in (0x20, 0x40))
    if beside or bpf_check_classic(code) < 0:
        return
    split = min(split, len(packet) - 1)
    assert run(code, packet, split) == model(program, packet)


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=120), st.binary(max_size=40))
def test_any_bytes_are_refused_or_end(raw, packet):
    code = raw[: len(raw) // 8 * 8]
    if bpf_check_classic(code) == 0:
        assert 0 <= run(code, packet) <= MASK


@pytest.mark.parametrize(
    ("what", "fields", "value"),
    [
        (0, {"protocol": 0x806}, 0x806),
        (4, {"pkt_type": 4}, 4),
        (20, {"mark": 77}, 77),
        (32, {"hash": 5}, 5),
        (36, {}, 0),
        (44, {"vlan_tci": 0x2005, "vlan_present": True}, 0x2005),
        (48, {"vlan_tci": 5, "vlan_present": True}, 1),
        (48, {}, 0),
        (60, {"vlan_present": True}, 0x8100),
        (8, {}, 0),
    ],
)
def test_what_stands_beside_the_packet(what, fields, value):
    assert run(assemble((0x20, 0, 0, 0xFFFFF000 + what), (RET_A, 0, 0, 0)), b"x", **fields) == value


def test_headers_in_front_of_the_data():
    packet = bytes(range(40))
    where = {"mac_header": 64, "network_header": 64 + 14}
    assert run(assemble((0x28, 0, 0, 0xFFE00002), (RET_A, 0, 0, 0)), packet, **where) == 0x0203
    assert run(assemble((0x28, 0, 0, 0xFFF00002), (RET_A, 0, 0, 0)), packet, **where) == 0x1011
    assert run(assemble((0x20, 0, 0, 0xFFF00000 + 24), (RET_A, 0, 0, 0)), packet, **where) == 0
