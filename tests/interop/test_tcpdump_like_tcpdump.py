"""Our tcpdump against the host's: the same file, the same words."""

import re
import subprocess
import sys

import pytest
import scapy.all as scapy

from userland.net.cooked import cook
from userland.net.pcap import LINK_TYPES, file_header, record_header

from .capture_corpus import corpus
from .conftest import ROOT, need

pytestmark = pytest.mark.interop

# With -v both look into the datagrams; the checksums of TCP are the host's speciality.
OPTIONS = [
    "-tn", "-tnv", "-tne", "-tnq", "-n -tt", "-n -ttt", "-n -tttt", "-n -ttttt", "-tnS", "-tn -x", "-tn -XX", "-tn -A",
    "-tn -# -c 5",
]  # fmt: skip
FILTERED = ["-tn tcp", "-tn udp port 53", "-tn icmp or arp", "-tn not ip"]
# The same packets with other headers in front of them: Linux's cooked captures of several devices, and raw IP.
COOKED = [
    f"{link} {options}" for link in ("LINUX_SLL2", "LINUX_SLL", "RAW")
    for options in ("-tn", "-tne", "-tneq", "-tn -xx", "-tn -x", "-tn tcp or arp", "-tn -A -c 3")
]  # fmt: skip


def cooked_file(link):
    """A capture of that link type with the corpus in it, all of it seen on the device with index 1."""
    number = next(number for number, (name, _) in LINK_TYPES.items() if name == link)
    raw = file_header(number)
    for position, packet in enumerate(corpus()):
        frame = bytes(packet)
        if link == "RAW" and frame[12:14] != b"\x08\x00":
            continue
        record = frame[14:] if link == "RAW" else cook(number, frame, 1, 772, position % 5)
        raw += record_header(position * 1_000_000_007, len(record), len(record)) + record
    return raw


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """both(): {words: (lines of the host's tcpdump, lines of ours)} in one run of each machine."""
    need("tcpdump")
    folder = tmp_path_factory.mktemp("capture")
    scapy.wrpcap(str(folder / "all.pcap"), corpus())
    for link in ("LINUX_SLL2", "LINUX_SLL", "RAW"):
        (folder / f"{link}.pcap").write_bytes(cooked_file(link))
    cases = OPTIONS + FILTERED + COOKED
    words_of = {case: f"all.pcap {case}" for case in OPTIONS + FILTERED} | {
        case: f"{case.split()[0]}.pcap {case.partition(' ')[2]}" for case in COOKED
    }
    script = "".join(f"echo '=== {case}'\ntcpdump -r /host/{words_of[case]}\n" for case in cases)
    (folder / "script").write_text(script)
    words = [sys.executable, "-m", "lab.cli", "boot", "--net", "none", "--share", str(folder), "-c", "sh /host/script"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=180, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-2000:]
    ours = dict(zip(cases, [part.splitlines()[1:] for part in done.stdout.split("=== ")[1:]], strict=True))
    theirs = {}
    for case in cases:
        command = ["tcpdump", "-r", *words_of[case].split()]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, env={"TZ": "UTC"}, cwd=folder)
        theirs[case] = done.stdout.splitlines()
    return theirs, ours


def without_sums(lines):
    """What we do not say: whether the checksum of a segment is right."""
    return [re.sub(r", cksum 0x[0-9a-f]{4} \((in)?correct[^)]*\)", "", line).rstrip() for line in lines]


@pytest.mark.parametrize("case", OPTIONS + FILTERED + COOKED)
def test_we_print_what_tcpdump_prints(both, case):
    theirs, ours = both
    different = [pair for pair in zip(without_sums(theirs[case]), without_sums(ours[case]), strict=False) if pair[0] != pair[1]]
    assert different == [] and len(theirs[case]) == len(ours[case])
