"""What the parser makes of a script, and what it says to text that is none."""

import pytest

from lab.packetdrill.expression import ANY, Struct
from lab.packetdrill.packet_syntax import MSS, NOP, SACK, SACK_OK, TIMESTAMP, WSCALE
from lab.packetdrill.parser import parse
from lab.packetdrill.script import Call, Code, Command, IcmpPacket, Option, Packet, ScriptError, Time
from lab.packetdrill.symbols import symbols

NAMES = symbols()


def one(text):
    """The only event of a script."""
    (event,) = parse(text, NAMES).events
    return event


def segment(text):
    return one(f"+0 {text}").action.body


MS = 1_000_000


@pytest.mark.parametrize(
    "text, time",
    [
        ("0", Time(0, None, False)),
        ("0.300", Time(300 * MS, None, False)),
        ("+0", Time(0, None, True)),
        ("+.004", Time(4 * MS, None, True)),
        ("+.3~+.4", Time(300 * MS, 400 * MS, True)),
        ("1.5~2", Time(1500 * MS, 2000 * MS, False)),
        ("*", Time(any=True)),
    ],
)
def test_times(text, time):
    assert one(f"{text} > . 1:1(0) ack 1").time == time


@pytest.mark.parametrize("text, end", [("+0...0.200", 200), ("0.1...0.350", 350), ("+.01 ...0.020", 20)])
def test_when_a_call_returns(text, end):
    assert one(f"{text} close(3) = 0").action.end == end * MS


def test_a_call_without_a_range_does_not_block():
    assert one("+0 close(3) = 0").action.end is None


def test_options_come_first():
    script = parse("// why\n--mss=900\n--strict_segments // and why\n+0 close(3) = 0", NAMES)
    assert script.options == {"mss": "900", "strict_segments": ""}


def test_lines_count_through_comments():
    script = parse("/* one\ntwo */\n\n+0 close(3) = 0 // four\n+0 `true\n`\n+0 close(4) = 0\n", NAMES)
    assert [event.line for event in script.events] == [4, 5, 7]


def test_commands_and_code_may_have_several_lines():
    script = parse("`sysctl -q a=1\n sysctl -q b=2`\n+1 %{\nassert a\nassert b }%", NAMES)
    assert script.events[0].action == Command("sysctl -q a=1\n sysctl -q b=2")
    assert script.events[1].action == Code("\nassert a\nassert b ")


# --- packets ---


def test_a_segment():
    body = segment("< P. 1:1001(1000) ack 5 win 257 urg 7")
    assert (body.flags, body.seq, body.length, body.ack, body.win, body.urg) == ("P.", 1, 1000, 5, 257, 7)
    assert body.options == []


def test_what_is_not_said_is_none():
    body = segment("> F. 3:3(0)")
    assert (body.ack, body.win, body.urg, body.ecn) == (None, None, None, None)


def test_options_of_tcp():
    body = segment("< S 0:0(0) win 1 <mss 1460,sackOK,TS val 100 ecr 7,nop,wscale 8>")
    assert body.options == [
        Option(MSS, 1460), Option(SACK_OK), Option(TIMESTAMP, (100, 7)), Option(NOP), Option(WSCALE, 8),
    ]  # fmt: skip


def test_sack_blocks():
    assert segment("< . 1:1(0) ack 1 win 9 <sack 11:21 31:41,nop,nop>").options[0] == Option(SACK, [(11, 21), (31, 41)])


def test_any_options():
    assert segment("> . 1:1(0) ack 1 <...>").options is None


def test_ecn_of_the_ip_header():
    assert segment("> [ect0] P. 1:2(1) ack 1").ecn == 2


@pytest.mark.parametrize(
    "text, message",
    [
        ("icmp unreachable port_unreachable", IcmpPacket(3, 3)),
        ("icmp unreachable frag_needed mtu 800 [1:1001(1000)]", IcmpPacket(3, 4, 800, 1, 1000)),
        ("icmp type_200 code_9", IcmpPacket(200, 9)),
        ("icmp echo_request", IcmpPacket(8, 0)),
    ],
)
def test_icmp(text, message):
    assert one(f"+0 < {text}").action == Packet(True, message)


def test_a_name_that_the_caller_defines():
    script = parse("+0 < icmp unreachable WHY", NAMES, {"WHY": "host_unknown"})
    assert script.events[0].action.body.code == 7


# --- calls ---


def test_arguments():
    call = one('+0 open("/etc/hosts", O_RDWR|O_NONBLOCK, ...) = 5').action
    assert call == Call("open", ["/etc/hosts", 0o4002, ANY], 5)


def test_an_errno_and_its_text():
    call = one("+0 connect(3, ..., ...) = -1 EINPROGRESS (Operation now in progress)").action
    assert (call.result, call.errno) == (-1, "EINPROGRESS")


def test_structs_and_lists():
    call = one("+0 recvmsg(4, {msg_name(...)=..., msg_iov(2)=[{..., 10},{..., 20}],\n msg_flags=0}, 0) = 30").action
    message = call.arguments[1]
    assert message.fields == {"msg_name": ANY, "msg_iov": [Struct({}, [ANY, 10]), Struct({}, [ANY, 20])], "msg_flags": 0}


def test_numbers_in_other_bases():
    assert one("+0 fcntl(0x1f, 010, -2) = 0x2 (flags O_RDWR)").action == Call("fcntl", [31, 8, -2], 2)


# --- no script ---


@pytest.mark.parametrize(
    "text, line, message",
    [
        ("", 1, "there is no event in it"),
        ("// nothing but this\n", 2, "there is no event in it"),
        ("hello\n", 1, "an event begins with its time, not with 'hello'"),
        ("+0 close(3) = 0\n+1 close(3 = 0", 2, ") is missing"),
        ("+0 close(3)\n", 1, "close: its result is missing"),
        ("+0 close(3) = -1 EGGS", 1, "EGGS is no errno"),
        ("+0 close(NOTHING) = 0", 1, "NOTHING means nothing here"),
        ("+0 close(3,) = 0", 1, "an argument is missing"),
        ("+0 close(3 4) = 0", 1, "unexpected '4'"),
        ("+0 close(;) = 0", 1, "what is ';'?"),
        ("+0 > P. 1:2", 1, "this is no packet: P. 1:2"),
        ("+0 > P. 1:3(1) ack 1", 1, "1:3 has not 1 bytes"),
        ("+0 > P. 1:2(1) ack 1 <moss 5>", 1, "this is no TCP option: moss 5"),
        ("+0 < P. 1:2(1) ack 1 win 65536", 1, "win 65536 is more than 65535"),
        ("+0 < P. 1:65537(65536) ack 1", 1, "length 65536 is more than 65455"),
        ("+0 < P. 4294967296:4294967297(1)", 1, "4294967296:4294967297 has not 1 bytes"),
        ("+0 < P. 1:2(1) ack 1 <mss 65536>", 1, "this is no TCP option: mss 65536"),
        ("+0 < P. 1:2(1) ack 1 <sack 1>", 1, "this is no TCP option: sack 1"),
        ("+0 < P. 1:2(1) ack 1 <md5 00112233445566778899aabbccddeeff,md5 00112233445566778899aabbccddeeff,nop,wscale 1,nop>", 1,
         "TCP options have 40 bytes, not more"),
        ("+0 < icmp unreachable frag_needed mtu 65536", 1, "too much for an ICMP message"),
        ("+0 close(08) = 0", 1, "08 is no number"),
        ("+0 close(3) = 09", 1, "09 is no number"),
        ("+0 > [ect9] P. 1:2(1)", 1, "[ect9] is none of"),
        ("+0 < icmp sigh", 1, "no ICMP type or code is called sigh"),
        ("+0 < icmp unreachable maybe", 1, "no ICMP type or code is called maybe"),
        ("\n+0 `never ends", 2, "` is missing"),
        ("+0 %{ assert", 1, "}% is missing"),
        ("+0 close(3) = 0\n--mss=3", 2, "options come first"),
        ("+0", 1, "an event begins with its time"),
        ("+0 ", 1, "a packet, a system call, a command or %{ code }% is missing"),
    ],
)
def test_text_that_is_no_script(text, line, message):
    with pytest.raises(ScriptError) as caught:
        parse(text, NAMES)
    assert message in str(caught.value)
    assert caught.value.line == line
