"""Numbers that the TCP rooms share and that no user sees.  Times are microseconds unless the name says otherwise."""

# Sequence numbers are 32 bits wide.  (Cython takes a literal of this size for a Python integer; a name is a C one.)
U32_MASK = 0xFFFFFFFF
SEQ_SIGN = 0x80000000

USEC_PER_MSEC = 1000
USEC_PER_SEC = 1000000
NSEC_PER_USEC = 1000
NSEC_PER_SEC = 1000000000

MAX_TCP_WINDOW = 32767
TCP_MIN_MSS = 88
TCP_MSS_DEFAULT = 536
TCP_MAX_WSCALE = 14
TCP_INIT_CWND = 10
TCP_INFINITE_SSTHRESH = 0x7FFFFFFF
# Room for TCP, IP, VLAN and Ethernet headers in front of a segment; the rest of a 256-byte slab object is spare.
MAX_TCP_HEADER = 192
MAX_TCP_OPTION_SPACE = 40
TCP_NUM_SACKS = 4
# One segment for the NIC: an IP packet's length field bounds it.
GSO_MAX_SIZE = 65536
MIN_TSO_SEGS = 2
TSO_WIN_DIVISOR = 3
# Segments are filled up to this many bytes of payload; IP and TCP headers must still fit in 65535.
TCP_MAX_GSO_PAYLOAD = 65536 - 320

# RFC 6298, with Linux's floor and ceiling.
TCP_RTO_MIN = 200000
TCP_RTO_MAX = 120000000
TCP_TIMEOUT_INIT = 1000000
TCP_TIMEOUT_FALLBACK = 3000000
# Slack of the RACK and TLP timers (RFC 8985): two ticks of a kernel with HZ=250, which most distributions have.
TCP_TIMEOUT_MIN = 8000
TCP_DELACK_MIN = 40000
TCP_DELACK_MAX = 200000
TCP_ATO_MIN = 40000
TCP_RESOURCE_PROBE_INTERVAL = 500000
TCP_TIMEWAIT_LEN = 60000000
TCP_FIN_TIMEOUT_MAX = 120000000
TCP_PAWS_24DAYS = 60 * 60 * 24 * 24
TCP_PAWS_MSL = 60
TCP_PAWS_WINDOW = 1
TCP_MAX_QUICKACKS = 16
MAX_TCP_KEEPIDLE = 32767
MAX_TCP_KEEPINTVL = 32767
MAX_TCP_KEEPCNT = 127
MAX_TCP_SYNCNT = 127

# What `icsk_pending` says the retransmission timer will do.
ICSK_TIME_RETRANS = 1
ICSK_TIME_PROBE0 = 3
ICSK_TIME_LOSS_PROBE = 5
ICSK_TIME_REO_TIMEOUT = 6

# Bits of `ack_pending`.
ICSK_ACK_SCHED = 1
ICSK_ACK_TIMER = 2
ICSK_ACK_PUSHED = 4
ICSK_ACK_PUSHED2 = 8
ICSK_ACK_NOW = 16

# Bits of `sk_buff.sacked` on the retransmission queue.
TCPCB_SACKED_ACKED = 0x01
TCPCB_SACKED_RETRANS = 0x02
TCPCB_LOST = 0x04
TCPCB_TAGBITS = 0x07
TCPCB_REPAIRED = 0x10
TCPCB_EVER_RETRANS = 0x80
TCPCB_RETRANS = 0x82

# Bits of `nonagle`.
TCP_NAGLE_OFF = 1
TCP_NAGLE_CORK = 2
TCP_NAGLE_PUSH = 4

# Bits of `ecn_flags` (RFC 3168).
TCP_ECN_OK = 1
TCP_ECN_QUEUE_CWR = 2
TCP_ECN_DEMAND_CWR = 4
TCP_ECN_SEEN = 8

# Bits of `urg_data`.
TCP_URG_VALID = 0x0100
TCP_URG_NOTYET = 0x0200
TCP_URG_READ = 0x0400

# What one acknowledgment did: the flags that tcp_ack hands round.
FLAG_DATA = 0x01
FLAG_WIN_UPDATE = 0x02
FLAG_DATA_ACKED = 0x04
FLAG_RETRANS_DATA_ACKED = 0x08
FLAG_SYN_ACKED = 0x10
FLAG_DATA_SACKED = 0x20
FLAG_ECE = 0x40
FLAG_LOST_RETRANS = 0x80
FLAG_SLOWPATH = 0x100
FLAG_ORIG_SACK_ACKED = 0x200
FLAG_SND_UNA_ADVANCED = 0x400
FLAG_DSACKING_ACK = 0x800
FLAG_SET_XMIT_TIMER = 0x1000
FLAG_SACK_RENEGING = 0x2000
FLAG_UPDATE_TS_RECENT = 0x4000
FLAG_NO_CHALLENGE_ACK = 0x8000
FLAG_ACK_MAYBE_DELAYED = 0x10000
FLAG_DSACK_TLP = 0x20000
FLAG_ACKED = FLAG_DATA_ACKED | FLAG_SYN_ACKED
FLAG_NOT_DUP = FLAG_DATA | FLAG_WIN_UPDATE | FLAG_ACKED
FLAG_CA_ALERT = FLAG_DATA_SACKED | FLAG_ECE | FLAG_DSACKING_ACK
FLAG_FORWARD_PROGRESS = FLAG_ACKED | FLAG_DATA_SACKED

# Whether tcp_ack wants retransmissions sent when the caller is done.
REXMIT_NONE = 0
REXMIT_LOST = 1
REXMIT_NEW = 2

# Congestion events that an algorithm may want to hear of.
CA_EVENT_TX_START = 0
CA_EVENT_CWND_RESTART = 1
CA_EVENT_COMPLETE_CWR = 2
CA_EVENT_LOSS = 3

# Bits of `tsq_flags`.
TSQ_THROTTLED = 1
TSQ_QUEUED = 2

TCP_RACK_RECOVERY_THRESH = 16
TCP_SCALING_RATIO_DEFAULT = 128
# A segment that does not fit the window exactly is worth an answer, but not many: RFC 5961 section 7.
TCP_SYNQ_INTERVAL = 200000

# What tcp_timewait_state_process answers.
TCP_TW_SUCCESS = 0
TCP_TW_RST = 1
TCP_TW_ACK = 2
TCP_TW_SYN = 3

# Why a timer or softirq has put work off while a task held the socket: bits of `deferred`.
DEFERRED_WRITE_TIMER = 1
DEFERRED_DELACK = 2
DEFERRED_TSQ = 4
DEFERRED_MTU_REDUCED = 8

# bits of `sack_ok`
TCP_SACK_AGREED = 1
TCP_DSACK_SEEN = 4

# NOP NOP TIMESTAMP 10 as a 32-bit word: how every stack lays the option out.
TS_WORD = 0x0101080A

# The kinds of node in the table of established connections.
NODE_SOCK = 1
NODE_TIMEWAIT = 2
NODE_REQUEST = 3
