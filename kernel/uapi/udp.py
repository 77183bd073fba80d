"""<linux/udp.h>: the UDP header (RFC 768) and the options of level SOL_UDP."""

UDP_HEADER_LEN = 8
UDP_CORK = 1
UDP_ENCAP = 100
UDP_NO_CHECK6_TX = 101
UDP_NO_CHECK6_RX = 102
UDP_SEGMENT = 103
UDP_GRO = 104
# Kinds of UDP_ENCAP.
UDP_ENCAP_ESPINUDP = 2
UDP_ENCAP_L2TPINUDP = 3
# Datagrams that one send with UDP_SEGMENT may make.
UDP_MAX_SEGMENTS = 128
