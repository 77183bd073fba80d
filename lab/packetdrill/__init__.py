"""packetdrill scripts on a machine of ours: `hwemu packetdrill SCRIPT...`.

A script is a list of events with times: system calls that the host under test makes, packets that its peer sends or
expects, assertions on TCP_INFO.  `parser` reads it, `runner` plays it in virtual time on a fresh machine whose only
device, tun0, is `tun`; `docs/packetdrill.md` says what of the language is understood.
"""
