"""Our programs against the programs that everybody has, both ways, over a TAP."""

import json

import pytest

from .conftest import need, wait_until

pytestmark = pytest.mark.interop


# --- iperf3 ---


def test_our_iperf3_measures_with_the_real_server(tap_namespace, on_tap):
    need("iperf3")
    with tap_namespace.background("iperf3", "-s"):
        guest = on_tap(
            command="".join(
                f"iperf3 -c {tap_namespace.host} {options} || echo FAILED; "
                for options in ("-t 1", "-t 1 -R -P 2", "-t 1 -u -b 20m", "-t 1 -u -R -b 10m", "-n 2m")
            )
            + "sleep 60"
        )
        wait_until(lambda: guest.output().count("iperf Done.") + guest.output().count("FAILED") == 5, 60, "five tests")
    text = guest.output()
    # A line for each stream, and one for the sum of two.
    assert "FAILED" not in text and text.count("receiver") == 4 + 3, text
    assert "[SUM]" in text and "Lost/Total" in text and "Retr" in text


@pytest.mark.parametrize("options", ["-t 1", "-t 1 -R -P 2", "-t 1 -u -b 20m", "-t 1 -u -R -b 10m", "-n 2m"])
def test_the_real_iperf3_measures_with_our_server(tap_namespace, on_tap, options):
    need("iperf3")
    guest = on_tap(command="iperf3 -s")
    wait_until(lambda: "Server listening" in guest.output(), what="our server")
    done = tap_namespace.run("iperf3", "-J", "-c", tap_namespace.guest, *options.split(), timeout=30)
    end = json.loads(done.stdout)["end"]
    if "-u" in options:
        assert end["sum"]["packets"] > 100 and end["sum"]["lost_percent"] < 50, end["sum"]
    else:
        assert end["sum_sent"]["bytes"] > 1_000_000, end["sum_sent"]
    assert "error" not in guest.output()
    assert guest.output().count("receiver") >= 1
