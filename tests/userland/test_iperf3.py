"""iperf3 with itself, in virtual time, and the messages of its control protocol."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests_userland_guest import Pair

from userland.iperf3 import protocol
from userland.iperf3.report import rate_text, size_text
from userland.iperf3.stream import Stream


def measure(options, server="iperf3 -s", seconds=120):
    # Enough that tcp_mem, a share of the memory, is no limit.
    text, status = Pair(f"sleep 0.5; iperf3 -c 10.0.0.2 -J {options}", server, memory=64 << 20).run(seconds)
    return json.loads(text), status


def test_tcp_fills_a_gigabit_and_the_reports_agree():
    report, status = measure("-t 1 -i 0.5")
    assert status == 0
    assert 0.90e9 < report["end"]["sum_received"]["bits_per_second"] < 1e9
    assert len(report["intervals"]) == 2
    assert sum(i["sum"]["bytes"] for i in report["intervals"]) == report["end"]["sum_sent"]["bytes"]
    assert report["start"]["test_start"]["protocol"] == "TCP" and "snd_cwnd" in report["intervals"][0]["streams"][0]


def test_reverse_parallel_and_a_byte_count():
    report, status = measure("-R -P 3 -n 3m")
    assert status == 0 and len(report["end"]["streams"]) == 3
    assert 3 << 20 <= report["end"]["sum_received"]["bytes"] < 5 << 20


@pytest.mark.parametrize("options", ["-t 1 -P 2", "-t 1 -R -P 2", "-n 3m", "-t 1 -b 50m"])
def test_the_last_block_is_a_whole_one(options):
    # The C program reads whole blocks from blocking sockets, and would wait for the rest of one for ever.
    report, status = measure(f"{options} -l 100001")
    assert status == 0
    sent = [stream["sender"]["bytes"] for stream in report["end"]["streams"]]
    assert all(count > 1_000_000 and count % 100_001 == 0 for count in sent), sent


@pytest.mark.parametrize("options", ["-u -b 8m -t 1", "-u -b 8m -t 1 -R"])
def test_udp_keeps_its_rate(options):
    report, status = measure(options)
    assert status == 0
    total = report["end"]["sum"]
    assert 7.9e6 < report["end"]["sum_received"]["bits_per_second"] < 8.1e6
    assert total["lost_packets"] == 0 and total["packets"] in (690, 691)


def test_the_text_of_a_report_and_a_paced_tcp():
    text, status = Pair("sleep 0.5; iperf3 -c 10.0.0.2 -t 1 -b 10m -l 10k -P 2", "iperf3 -s").run()
    assert status == 0
    assert "[ ID] Interval           Transfer     Bitrate         Retr  Cwnd\n" in text
    assert "[SUM]   0.00-1.0" in text and "20.0 Mbits/sec" in text and text.endswith("\niperf Done.\n")


def test_a_server_takes_one_test_at_a_time_and_strangers_do_not_stop_it():
    script = (
        "sleep 0.5; iperf3 -c 10.0.0.2 -t 3 -b 5m > /tmp/first & sleep 1; iperf3 -c 10.0.0.2 -t 1; echo $?; "
        "sleep 4; echo nonsense | nc -q 1 10.0.0.2 5201; iperf3 -c 10.0.0.2 -n 100k | tail -n 1; tail -n 1 /tmp/first"
    )
    text, status = Pair(script, "iperf3 -s").run()
    assert "iperf3: error - " in text and "\n1\n" in text
    assert text.endswith("iperf Done.\niperf Done.\n")


def test_no_server_and_wrong_words():
    text, status = Pair("iperf3 -c 10.0.0.2").run()
    assert status == 1 and "iperf3: error - unable to connect to server: Connection refused\n" in text


def test_one_test_and_out():
    text, _ = Pair("iperf3 -s -1; echo $?", "sleep 0.5; iperf3 -c 10.0.0.1 -n 100k").run()
    assert "Accepted connection from 10.0.0.2" in text and text.endswith("receiver\n0\n")


def test_units():
    assert [size_text(n) for n in (0, 1023, 2048, 5 << 30)] == ["0.00 Bytes", "1023 Bytes", "2.00 KBytes", "5.00 GBytes"]
    assert [rate_text(n) for n in (999, 20e6, 941e6)] == [" 999 bits/sec", "20.0 Mbits/sec", " 941 Mbits/sec"]


def test_datagrams_are_accounted_for(on_scripted_kernel):
    parameters = protocol.Parameters()
    parameters.udp = True

    def program():
        stream = Stream(3, 1, parameters, False)
        for number in (1, 2, 5, 4, 6):
            stream.view[:12] = protocol.datagram_header(0, number, False)
            stream.datagram(12)
        stream.datagram(5)
        return stream.packets, stream.lost, stream.out_of_order

    assert on_scripted_kernel({265: lambda *args: 0}, program)[0] == (6, 1, 1)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["udp", "time", "num", "parallel", "len", "bandwidth", "streams", "id", "bytes", "jitter", "x"]), inner,
        max_size=5,
    ),
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(JSON)
def test_messages_are_taken_or_refused_in_one_line(message):
    for parse in (protocol.parse_parameters, protocol.parse_results):
        try:
            parse(message)
        except protocol.ProtocolError as error:
            assert "\n" not in str(error)
    found = protocol.encode_json(message)
    assert int.from_bytes(found[:4], "big") == len(found) - 4


@given(st.binary(max_size=60))
def test_what_is_not_json_is_refused(raw):
    try:
        protocol.decode_json(raw)
    except protocol.ProtocolError as error:
        assert "\n" not in str(error)
