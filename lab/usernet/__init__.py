"""The user-mode network: a second machine with our own kernel whose program carries connections to host sockets.

    guest 10.0.2.15 ── wire ── gateway machine (10.0.2.2, 10.0.2.3) ── sockets of the host

The gateway's kernel has one TCP, ours.  A route "local 0.0.0.0/0" makes every address its own, so a guest's
connection to any address ends in a socket there; `hook` holds the first packet back until the host side exists.
"""
