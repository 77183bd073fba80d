# cython: boundscheck=False, wraparound=False
"""Reading and writing the frames of a TAP without anything in between.

A TAP that was opened with IFF_VNET_HDR takes a `struct virtio_net_hdr` before each frame (Linux:
Documentation/networking/tuntap.rst; the header is that of virtio 1.2, section 5.1.6).  With it, consecutive segments
of one TCP stream are written as one large packet, which the host may cut again, and read as one, which is cut here: a system
call and a walk through the host's network layers for many frames instead of one.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.errno cimport EAGAIN, EINTR, errno
from libc.string cimport memcmp, memcpy, memset
from posix.unistd cimport read

from hwemu.checksum cimport fold, sum_bytes

cdef enum:
    ETHERNET = 14
    IP_HEADER = 20
    TCP_HEADER = 20
    FRAME_MIN = 60
    PROTOCOL_TCP = 6
    FIN = 0x01
    PSH = 0x08
    ACK = 0x10
    CWR = 0x80
    NEEDS_CHECKSUM = 1
    GSO_TCPV4 = 1
    GSO_ECN = 0x80
    TYPE_VLAN = 0x8100
    MAX_PACKET = 0xFFFF
    # The largest frame that a TAP hands over: MTU 65521, header and VLAN tag, rounded up.
    MAX_FRAME = 65568


cdef inline unsigned int load16(const unsigned char *at) noexcept nogil:
    return (<unsigned int>at[0] << 8) | at[1]


cdef inline unsigned int load32(const unsigned char *at) noexcept nogil:
    return (load16(at) << 16) | load16(at + 2)


cdef inline void store16(unsigned char *at, unsigned int value) noexcept nogil:
    at[0] = (value >> 8) & 0xFF
    at[1] = value & 0xFF


cdef inline void store32(unsigned char *at, unsigned int value) noexcept nogil:
    store16(at, value >> 16)
    store16(at + 2, value)


cdef class FrameReader:
    """Reads frame by frame what the host sends; `failure` is the errno of the last read that failed for good.

    With a vnet header the host may hand over a large packet with the size of its segments, and leave the checksum of a
    TCP or UDP packet to us: `pending` is true while segments of the last packet are still to come.
    """

    cpdef bytes read_frame(self, int fd, bint vnet):
        """The next frame of the non-blocking `fd`, or None where none waits or the descriptor has failed.

        `vnet`: a virtio_net_hdr comes before it.
        The host hands over frames as short as its protocols make them; on a wire they have 60 bytes without FCS at
        least (IEEE 802.3 section 4.2.3.3), and a card drops what is shorter.
        """
        cdef int skipped = VNET_HEADER if vnet else 0
        cdef Py_ssize_t length
        if self.pending:
            return self.cut()
        length = read(fd, self.data, skipped + MAX_FRAME) - skipped
        if length > 0:
            self.frame = self.data + skipped
            self.length = length
            if vnet and (self.data[0] or self.data[1]):
                if self.large():
                    return self.cut()
                self.complete()
            if self.length < FRAME_MIN:
                memset(self.frame + self.length, 0, FRAME_MIN - self.length)
                self.length = FRAME_MIN
            return PyBytes_FromStringAndSize(<char *>self.frame, self.length)
        if length + skipped < 0 and errno != EAGAIN and errno != EINTR:
            self.failure = errno
        return None

    cpdef forget(self):
        """Lose the segments that are still to come."""
        self.pending = False

    cdef void complete(self) noexcept:
        """Make the checksum that the host left to us: its field holds the sum of the pseudo header (virtio 1.2, 5.1.6.2)."""
        cdef unsigned int start = self.data[6] | self.data[7] << 8
        cdef unsigned int at = start + (self.data[8] | self.data[9] << 8)
        cdef unsigned int total
        if not self.data[0] & NEEDS_CHECKSUM or start > self.length or at + 2 > self.length:
            return
        total = ~sum_bytes(self.frame + start, self.length - start) & 0xFFFF
        # 0 would say that a UDP datagram carries none (RFC 768).
        store16(self.frame + at, total if total else 0xFFFF)

    cdef bint large(self) noexcept:
        """True for a large TCP packet, made ready for `cut`."""
        cdef unsigned int transport = self.data[6] | self.data[7] << 8
        cdef unsigned char *ip
        cdef unsigned char *tcp
        cdef unsigned int network = ETHERNET
        self.size = self.data[4] | self.data[5] << 8
        if self.data[1] & ~GSO_ECN != GSO_TCPV4 or self.size == 0 or transport + TCP_HEADER > self.length:
            return False
        while network + 2 < transport and load16(self.frame + network - 2) == TYPE_VLAN:
            network += 4
        ip = self.frame + network
        tcp = self.frame + transport
        if load16(ip - 2) != 0x0800 or network + (ip[0] & 0x0F) * 4 != transport or transport < network + IP_HEADER:
            return False
        self.headers_length = transport + (tcp[12] >> 4) * 4
        if self.headers_length < transport + TCP_HEADER or self.headers_length >= self.length:
            return False
        self.network = network
        self.transport = transport
        self.at = self.headers_length
        self.first_seq = load32(tcp + 4)
        self.first_id = load16(ip + 4)
        self.flags = tcp[13]
        self.pending = True
        return True

    cdef bytes cut(self):
        """The next segment of the large packet, with headers and checksums of its own."""
        cdef Py_ssize_t payload = self.length - self.at
        cdef Py_ssize_t length
        cdef bytes segment
        cdef unsigned char *out
        cdef unsigned char *ip
        cdef unsigned char *tcp
        cdef unsigned int tcp_length, index = <unsigned int>((self.at - self.headers_length) // self.size), flags = self.flags
        if payload > self.size:
            payload = self.size
            flags &= ~(FIN | PSH)
        else:
            self.pending = False
        if index:
            flags &= ~CWR
        length = self.headers_length + payload
        segment = PyBytes_FromStringAndSize(NULL, length if length > FRAME_MIN else FRAME_MIN)
        out = <unsigned char *>PyBytes_AS_STRING(segment)
        memcpy(out, self.frame, self.headers_length)
        memcpy(out + self.headers_length, self.frame + self.at, payload)
        if length < FRAME_MIN:
            memset(out + length, 0, FRAME_MIN - length)
        ip = out + self.network
        tcp = out + self.transport
        tcp_length = <unsigned int>(length - self.transport)
        store16(ip + 2, <unsigned int>(length - self.network))
        store16(ip + 4, self.first_id + index)
        store16(ip + 10, 0)
        store16(ip + 10, ~sum_bytes(ip, self.transport - self.network))
        store32(tcp + 4, <unsigned int>(self.first_seq + (self.at - self.headers_length)))
        tcp[13] = flags
        store16(tcp + 16, 0)
        store16(tcp + 16, ~fold(<unsigned long long>sum_bytes(ip + 12, 8) + PROTOCOL_TCP + tcp_length + sum_bytes(tcp, tcp_length)))
        self.at += payload
        return segment


cdef class FrameWriter:
    """Writes frames to the TAP `fd` in order; `written` and `lost` (the host refused) count frames.

    With `vnet`, a segment that announces `more` is held back until the last of them, a frame that does not continue
    it, or `flush`; `held` is how many.  Segmentations are never joined: a sender that keeps several under way learns
    of a loss by those that arrive.  What the host gets carries full checksums, made of the sums that were verified
    here, so a frame that was damaged on our wire is never repaired.
    """

    def __cinit__(self, int fd, bint vnet):
        self.fd = fd
        self.vnet = vnet

    def __dealloc__(self):
        while self.held:
            self.held -= 1
            Py_DECREF(<object>self.frames[self.held])

    cpdef put(self, bytes frame, bint more):
        """Write `frame`, or hold it back; `more`: the next segment of the same segmentation follows."""
        cdef const unsigned char *data = <const unsigned char *>PyBytes_AS_STRING(frame)
        cdef unsigned int payload_sum = 0
        cdef int headers_length, payload
        if not self.vnet or not (more or self.held):
            self.write_one(frame)
            return
        headers_length = self.segment(data, PyBytes_GET_SIZE(frame), &payload_sum)
        payload = PyBytes_GET_SIZE(frame) - headers_length
        if self.held and (headers_length == 0 or not self.continues(data, headers_length, payload)):
            self.flush()
        if headers_length == 0 or (self.held == 0 and (payload < MIN_SEGMENT or not more)):
            self.write_one(frame)
            return
        self.hold(frame, headers_length, payload, payload_sum)
        if (
            not more or payload < self.segment_size or self.held == MAX_SEGMENTS
            or data[ETHERNET + IP_HEADER + 13] & (FIN | PSH)
        ):
            self.flush()

    cdef int segment(self, const unsigned char *frame, Py_ssize_t length, unsigned int *payload_sum) noexcept:
        """The length of the headers of an intact TCP segment with data and nothing special about it, or 0."""
        cdef const unsigned char *ip = frame + ETHERNET
        cdef const unsigned char *tcp = ip + IP_HEADER
        cdef int tcp_header, total
        cdef unsigned int total_sum
        if length <= ETHERNET + IP_HEADER + TCP_HEADER or load16(frame + 12) != 0x0800 or ip[0] != 0x45:
            return 0
        # Not a fragment; no padding behind the packet.
        if ip[9] != PROTOCOL_TCP or load16(ip + 6) & 0x3FFF or load16(ip + 2) != length - ETHERNET:
            return 0
        tcp_header = (tcp[12] >> 4) * 4
        total = ETHERNET + IP_HEADER + tcp_header
        if tcp_header < TCP_HEADER or total >= length or tcp[12] & 0x0F or tcp[13] & ~(ACK | PSH | FIN):
            return 0
        if sum_bytes(ip, IP_HEADER) != 0xFFFF:
            return 0
        payload_sum[0] = sum_bytes(frame + total, length - total)
        total_sum = sum_bytes(tcp, tcp_header) + sum_bytes(ip + 12, 8) + PROTOCOL_TCP + (length - ETHERNET - IP_HEADER)
        if fold(total_sum + payload_sum[0]) != 0xFFFF:
            return 0
        return total

    cdef bint continues(self, const unsigned char *frame, int headers_length, int payload) noexcept:
        """True when `frame` is the next segment of what is held: all but lengths, numbers, sums, FIN and PSH agree."""
        cdef const unsigned char *ours = self.headers + VNET_HEADER
        cdef const unsigned char *tcp = frame + ETHERNET + IP_HEADER
        cdef const unsigned char *our_tcp = ours + ETHERNET + IP_HEADER
        return (
            headers_length == self.headers_length
            and payload <= self.segment_size
            and headers_length - ETHERNET + self.payload + payload <= MAX_PACKET
            and load32(tcp + 4) == self.next_seq
            and load16(frame + ETHERNET + 4) == self.next_id
            and memcmp(frame, ours, ETHERNET + 2) == 0
            and memcmp(frame + ETHERNET + 6, ours + ETHERNET + 6, 4) == 0
            and memcmp(frame + ETHERNET + 12, ours + ETHERNET + 12, 8 + 4) == 0
            and memcmp(tcp + 8, our_tcp + 8, 5) == 0
            and memcmp(tcp + 14, our_tcp + 14, 2) == 0
            and memcmp(tcp + 18, our_tcp + 18, headers_length - ETHERNET - IP_HEADER - 18) == 0
        )

    cdef void hold(self, bytes frame, int headers_length, int payload, unsigned int payload_sum):
        cdef const unsigned char *data = <const unsigned char *>PyBytes_AS_STRING(frame)
        cdef unsigned char *ours = self.headers + VNET_HEADER
        if self.held == 0:
            memcpy(ours, data, headers_length)
            self.headers_length = headers_length
            self.segment_size = payload
            self.payload = 0
            self.payload_sum = 0
        if self.payload & 1:
            # A sum that starts at an odd byte counts with its halves exchanged (RFC 1071 section 2B).
            payload_sum = ((payload_sum & 0xFF) << 8) | (payload_sum >> 8)
        self.payload_sum = fold(<unsigned long long>self.payload_sum + payload_sum)
        ours[ETHERNET + IP_HEADER + 13] |= data[ETHERNET + IP_HEADER + 13]
        self.payload += payload
        self.next_seq = load32(data + ETHERNET + IP_HEADER + 4) + <unsigned int>payload
        self.next_id = (load16(data + ETHERNET + 4) + 1) & 0xFFFF
        Py_INCREF(frame)
        self.frames[self.held] = <PyObject *>frame
        self.held += 1
        self.vectors[self.held].iov_base = <void *>(data + headers_length)
        self.vectors[self.held].iov_len = payload

    cpdef flush(self):
        """Write what is held back."""
        cdef unsigned char *ip = self.headers + VNET_HEADER + ETHERNET
        cdef unsigned char *tcp = ip + IP_HEADER
        cdef int count = self.held, tcp_header = self.headers_length - ETHERNET - IP_HEADER, index
        cdef unsigned int tcp_length = tcp_header + self.payload
        if count == 0:
            return
        memset(self.headers, 0, VNET_HEADER)
        if count > 1:
            self.headers[1] = GSO_TCPV4
            # hdr_len and gso_size are little-endian, or the host's order before virtio 1.0: Linux's TAPs run on both alike.
            self.headers[2] = self.headers_length
            self.headers[4] = self.segment_size & 0xFF
            self.headers[5] = self.segment_size >> 8
            store16(ip + 2, IP_HEADER + tcp_length)
            store16(ip + 10, 0)
            store16(ip + 10, ~sum_bytes(ip, IP_HEADER))
            store16(tcp + 16, 0)
            store16(tcp + 16, ~fold(
                <unsigned long long>sum_bytes(tcp, tcp_header) + sum_bytes(ip + 12, 8) + PROTOCOL_TCP + tcp_length
                + self.payload_sum
            ))
        self.vectors[0].iov_base = self.headers
        self.vectors[0].iov_len = VNET_HEADER + self.headers_length
        self.count(writev(self.fd, self.vectors, count + 1), count)
        for index in range(count):
            Py_DECREF(<object>self.frames[index])
        self.held = 0

    cdef void write_one(self, bytes frame) noexcept:
        """Write a frame as it is."""
        cdef iovec_t vectors[2]
        cdef int first = 0 if self.vnet else 1
        memset(self.headers, 0, VNET_HEADER)
        vectors[0].iov_base = self.headers
        vectors[0].iov_len = VNET_HEADER
        vectors[1].iov_base = PyBytes_AS_STRING(frame)
        vectors[1].iov_len = PyBytes_GET_SIZE(frame)
        self.count(writev(self.fd, vectors + first, 2 - first), 1)

    cdef void count(self, Py_ssize_t result, int frames) noexcept:
        if result < 0:
            self.lost += frames
        else:
            self.written += frames
