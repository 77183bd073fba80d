"""The sk_buff: space, clones, fragments, checksums, queues, accounting."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.arch.memory import RAM
from kernel.arch.uaccess import kernel_iter
from kernel.lib.checksum import csum_bytes, csum_fold
from kernel.mm.slab import Slab
from kernel.net.core import skb_data as d
from kernel.net.core import skbuff as s


@pytest.fixture
def cache():
    cache = s.skbuff_cache(Slab(RAM(4 << 20)))
    cache.slab.poison = True
    yield cache
    assert cache.leak_report() == []
    assert cache.slab.objects_in_use == 0


def make(cache, data, headroom=64):
    skb = s.alloc_skb(cache, headroom + len(data) + 32)
    s.skb_reserve(skb, headroom)
    s.skb_put_data(skb, data)
    return skb


def fragmented(cache, pieces):
    skb = make(cache, pieces[0])
    for piece in pieces[1:]:
        page = s.alloc_page(cache, max(1, len(piece)) + 7)
        page.write(7, piece)
        assert d.skb_add_frag(skb, page, 7, len(piece))
    return skb


def reference_checksum(data):
    total = sum(struct.unpack(f">{(len(data) + 1) // 2}H", data + b"\0" * (len(data) & 1)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def test_push_pull_put_trim_keep_the_bytes(cache):
    skb = make(cache, b"payload")
    position = s.skb_push(skb, 4)
    skb.put16(position, 0x1234)
    skb.put16(position + 2, 0xABCD)
    assert skb.bytes() == b"\x12\x34\xab\xcdpayload"
    assert skb.get32(position) == 0x1234ABCD
    s.skb_pull(skb, 4)
    s.skb_trim(skb, 3)
    assert skb.bytes() == b"pay"
    s.consume_skb(skb)


def test_out_of_room_raises_and_changes_nothing(cache):
    skb = make(cache, b"x", headroom=8)
    for call in (lambda: s.skb_push(skb, 9), lambda: s.skb_pull(skb, 2), lambda: s.skb_put(skb, 5000),
                 lambda: skb.get8(skb.end), lambda: skb.put32(skb.end - 3, 0)):
        with pytest.raises(IndexError):
            call()
    assert skb.bytes() == b"x"
    s.consume_skb(skb)


def test_a_freed_buffer_can_not_be_used_nor_freed_again(cache):
    skb = make(cache, b"gone")
    s.kfree_skb(skb, "TESTED")
    assert cache.drops == {"TESTED": 1}
    with pytest.raises(IndexError):
        skb.get8(0)
    with pytest.raises(RuntimeError):
        s.consume_skb(skb)


def test_a_forgotten_buffer_gives_its_memory_back_and_is_seen(cache):
    make(cache, b"forgotten")
    assert cache.leaked == 1 and cache.live == 0 and cache.slab.objects_in_use == 0
    cache.leaked = 0


def test_clone_shares_until_cow(cache):
    skb = fragmented(cache, [b"head", b"tail"])
    clone = s.skb_clone(skb)
    assert s.skb_cloned(skb) and s.skb_cloned(clone)
    assert s.skb_cow(clone, 128) == 0
    assert not s.skb_cloned(skb)
    clone.put8(clone.data, ord("H"))
    assert skb.bytes() == b"headtail" and clone.bytes() == b"Headtail"
    assert s.skb_headroom(clone) >= 128
    s.consume_skb(skb)
    assert clone.bytes() == b"Headtail"
    s.consume_skb(clone)


def test_growing_the_head_keeps_header_offsets_and_the_bytes_before_data(cache):
    skb = fragmented(cache, [b"ethhiphdr", b"transport" * 100])
    skb.mac_header = skb.data
    s.skb_pull(skb, 4)
    skb.network_header = skb.data
    s.skb_pull(skb, 5)
    skb.transport_header = skb.data
    clone = s.skb_clone(skb)
    assert s.pskb_may_pull(skb, 900)
    assert skb.get8(skb.mac_header) == ord("e") and skb.get8(skb.network_header) == ord("i")
    assert skb.get8(skb.transport_header) == ord("t")
    assert skb.bytes() == clone.bytes() == b"transport" * 100
    assert not s.pskb_may_pull(skb, 901)
    s.consume_skb(skb)
    s.consume_skb(clone)


@given(pieces=st.lists(st.binary(min_size=0, max_size=700), min_size=1, max_size=6), data=st.data())
@settings(max_examples=150, deadline=None)
def test_any_layout_behaves_like_its_bytes(pieces, data):
    cache = s.skbuff_cache(Slab(RAM(4 << 20)))
    skb = fragmented(cache, pieces)
    whole = b"".join(pieces)
    assert skb.bytes() == whole
    offset = data.draw(st.integers(0, len(whole)))
    length = data.draw(st.integers(0, len(whole) - offset))
    assert d.skb_copy_bits(skb, offset, length) == whole[offset:offset + length]
    assert csum_fold(d.skb_checksum(skb, offset, length, 0)) == reference_checksum(whole[offset:offset + length])
    out = bytearray(length)
    assert d.skb_copy_datagram_iter(skb, offset, kernel_iter(out, True), length) == 0
    assert bytes(out) == whole[offset:offset + length]
    second = s.alloc_skb(cache, 4096)
    cut = data.draw(st.integers(0, len(whole)))
    d.skb_split(skb, second, cut)
    assert skb.bytes() == whole[:cut] and second.bytes() == whole[cut:]
    if d.skb_try_coalesce(skb, second):
        assert skb.bytes() == whole
    s.consume_skb(second)
    pull = data.draw(st.integers(0, skb.len))
    before = skb.bytes()
    assert s.pskb_may_pull(skb, pull) and s.skb_headlen(skb) >= pull and skb.bytes() == before
    trim = data.draw(st.integers(0, skb.len))
    s.skb_trim(skb, trim)
    assert skb.bytes() == before[:trim]
    copy = s.skb_copy(skb, 10)
    assert copy.bytes() == skb.bytes()
    s.consume_skb(copy)
    s.consume_skb(skb)
    assert cache.leak_report() == [] and cache.slab.objects_in_use == 0


def test_user_data_into_fragments_and_faults(cache):
    skb = make(cache, b"")
    fragment = s.page_frag()
    payload = bytes(range(256)) * 400
    assert d.skb_add_frags_iter(skb, kernel_iter(payload), len(payload), fragment) == len(payload)
    assert skb.bytes() == payload
    source = kernel_iter(b"short")
    assert d.skb_put_iter(skb, source, 6) == -14
    s.consume_skb(skb)
    fragment.page = None


def test_checksum_help_fills_the_field(cache):
    skb = make(cache, b"\0\0" + bytes(range(101)))
    skb.ip_summed = s.CHECKSUM_PARTIAL
    skb.csum_start = skb.data
    skb.csum_offset = 0
    assert d.skb_checksum_help(skb) == 0
    assert csum_fold(csum_bytes(skb.bytes())) == 0
    s.consume_skb(skb)


def test_queue_order_and_misuse(cache):
    queue = s.sk_buff_head()
    a, b, c = (make(cache, bytes([n])) for n in range(3))
    queue.queue_tail(b)
    queue.queue_head(a)
    queue.insert_after(b, c)
    assert [skb.bytes()[0] for skb in queue] == [0, 1, 2] and len(queue) == 3
    with pytest.raises(RuntimeError):
        queue.queue_tail(a)
    with pytest.raises(RuntimeError):
        s.consume_skb(a)
    queue.unlink(b)
    with pytest.raises(RuntimeError):
        queue.unlink(b)
    s.consume_skb(b)
    assert queue.dequeue_tail() is c
    s.consume_skb(c)
    queue.purge("TEST_PURGE")
    assert queue.empty() and cache.drops == {"TEST_PURGE": 1}


def test_owner_is_told_once(cache):
    class Owner(s.skb_owner):
        def skb_released(self, skb, kind):
            told.append(kind)

    told = []
    skb = make(cache, b"charged")
    skb.sk = Owner()
    skb.destructor = s.SKB_CHARGED_WRITE
    s.consume_skb(skb)
    assert told == [s.SKB_CHARGED_WRITE]


def test_full_ram_gives_none():
    cache = s.skbuff_cache(Slab(RAM(256 << 10)))
    held = []
    while (skb := s.alloc_skb(cache, 60000)) is not None:
        held.append(skb)
    assert len(held) == 3 and cache.slab.failures == 1
    for skb in held:
        s.consume_skb(skb)
    assert cache.slab.objects_in_use == 0
