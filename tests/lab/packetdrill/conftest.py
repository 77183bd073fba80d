"""`play(text)` runs a script on a fresh machine and looks that nothing is left of it.

`fails(text, line, message)` expects it to fail there.
"""

import re

import pytest

from lab.packetdrill.parser import parse
from lab.packetdrill.runner import Failure, Run
from lab.packetdrill.symbols import symbols

LISTENER = """0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
"""
SERVER = LISTENER + """+0 < S 0:0(0) win 30000 <mss 1000,sackOK,nop,nop>
+0 > S. 0:0(0) ack 1 <mss 1460,nop,nop,sackOK>
+.1 < . 1:1(0) ack 1 win 30000
+0 accept(3, ..., ...) = 4
"""


@pytest.fixture
def play():
    def run(text, **options):
        played = Run(parse(text, symbols()), **options)
        try:
            played.play()
        finally:
            assert played.kernel.leak_report() == []
        return played

    return run


@pytest.fixture
def fails(play):
    def run(text, line, message, **options):
        with pytest.raises(Failure, match=re.escape(message)) as caught:
            play(text, **options)
        assert caught.value.line == line

    return run


@pytest.fixture
def listener():
    """Lines 1 to 3 of a script: a listening socket, descriptor 3."""
    return LISTENER


@pytest.fixture
def server():
    """Lines 1 to 7 of a script: a connection, descriptor 4, at 0.1 s."""
    return SERVER
