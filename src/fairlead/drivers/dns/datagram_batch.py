"""Many datagrams per system call: recvmmsg(2) and sendmmsg(2), which the socket module does not have.

A datagram server spends most of its time entering the kernel; taking up to ``SIZE`` datagrams at once, and not turning
client addresses into Python objects, saves a third of what one costs. All memory is allocated once: slot ``i`` of the
buffer holds the i-th datagram, and then the reply to it, whose first octets are the same; its sender's address stays in
place too. The layout is that of ``struct mmsghdr`` in recvmmsg(2); sizes and offsets are taken from ctypes, so they are
those of the platform.

A socket that is bound to all addresses is told with each datagram which of them it came to (IP_PKTINFO, ip(7)), and the
reply leaves from that one: what the kernel wrote for the i-th datagram is what it reads for the i-th reply.
"""

import ctypes
import socket
from ipaddress import ip_address

from fairlead.clusterdns.responder import DnsClient

SIZE = 64  # datagrams per call
SLOT = 4096  # octets of a datagram in either direction; longer ones are cut

# The option, and the type and size of what comes with it: index, and addresses (struct in_pktinfo, in6_pktinfo).
_PKTINFO = {
    socket.AF_INET: (socket.IPPROTO_IP, 8, 8, 12),
    socket.AF_INET6: (socket.IPPROTO_IPV6, 49, 50, 20),  # IPV6_RECVPKTINFO and IPV6_PKTINFO
}
_INDEX_AT = {socket.AF_INET: 0, socket.AF_INET6: 16}  # octets before the interface's index
_CONTROL = 64  # octets kept for a control message
_INT = ctypes.sizeof(ctypes.c_uint)
_NO_INTERFACES = memoryview(bytes(SIZE * _INT)).cast("I")

_ADDRESS = 32  # octets kept for a sockaddr; sockaddr_in6 has 28
_SOCKADDR = {socket.AF_INET: 16, socket.AF_INET6: 28}  # octets


class _Iovec(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Msghdr(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("iov", ctypes.c_void_p),
        ("iov_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _Mmsghdr(ctypes.Structure):
    _fields_ = (("header", _Msghdr), ("length", ctypes.c_uint))


_libc = ctypes.CDLL(None, use_errno=True)
_recvmmsg, _sendmmsg = _libc.recvmmsg, _libc.sendmmsg
_recvmmsg.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, ctypes.c_void_p)
_sendmmsg.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int)

_HEADER = ctypes.sizeof(_Mmsghdr)
_WORD = ctypes.sizeof(ctypes.c_ulong)  # size_t is one on Linux

# Where the views below hold what: that of slot i is at FIRST + i * STRIDE.
_LENGTH_FIRST, _LENGTH_STRIDE = _Mmsghdr.length.offset // 4, _HEADER // 4
REPLY_LENGTH_FIRST, REPLY_LENGTH_STRIDE = _Iovec.length.offset // _WORD, ctypes.sizeof(_Iovec) // _WORD


class DatagramBatch:
    """Buffers for one non-blocking socket. The views are public and plain, so that a loop over them needs no calls.

    Attributes:
        slots: the octets; slot ``i`` begins at ``i * SLOT``.
        reply_lengths: octets of the reply in each slot, placed as the constants above say.
        lost: replies that could not be sent.
    """

    def __init__(self, bound: socket.socket) -> None:
        self.lost = 0
        self._bound = bound
        self._addresses = (ctypes.c_char * (SIZE * _ADDRESS))()
        self._address_octets = memoryview(self._addresses).cast("B")
        self._controls = (ctypes.c_char * (SIZE * _CONTROL))()
        self._control_words = memoryview(self._controls).cast("B").cast("I")
        self._control_length = self._told_of_addresses()
        self._buffer = (ctypes.c_char * (SIZE * SLOT))()
        self._iovs = [(_Iovec * SIZE)() for _ in range(2)]
        self._headers = [(_Mmsghdr * SIZE)() for _ in range(2)]
        for iovs, headers in zip(self._iovs, self._headers, strict=True):
            for index in range(SIZE):
                base = ctypes.addressof(self._buffer) + index * SLOT
                self._point(headers[index].header, iovs[index], base, index)
        self.slots = memoryview(self._buffer).cast("B")
        self._lengths = memoryview(self._headers[0]).cast("B").cast("I")[_LENGTH_FIRST::_LENGTH_STRIDE]
        self.reply_lengths = memoryview(self._iovs[1]).cast("B").cast("L")

    def _told_of_addresses(self) -> int:
        """Request each datagram's destination address from the kernel if needed; returns the size of that data."""
        level, option, _, size = _PKTINFO[self._bound.family]
        if not ip_address(self._bound.getsockname()[0]).is_unspecified:
            return 0
        self._bound.setsockopt(level, option, 1)
        return socket.CMSG_SPACE(size)

    def _point(self, header: _Msghdr, iov: _Iovec, base: int, index: int) -> None:
        iov.base, iov.length = base, SLOT
        header.iov, header.iov_count = ctypes.addressof(iov), 1
        header.name = ctypes.addressof(self._addresses) + index * _ADDRESS
        header.name_length = _SOCKADDR[self._bound.family]
        if self._control_length:
            # Exactly as long as what is written there, so that the kernel leaves the length as it is for the next one.
            header.control = ctypes.addressof(self._controls) + index * _CONTROL
            header.control_length = self._control_length

    def receive(self) -> int:
        """Fill the slots with what has come; how many there are, 0 when nothing has."""
        return max(0, int(_recvmmsg(self._bound.fileno(), self._headers[0], SIZE, socket.MSG_DONTWAIT, None)))

    def lengths(self, count: int) -> list[int]:
        """Octets of the first datagrams."""
        return self._lengths[:count].tolist()

    def client(self, index: int) -> DnsClient:
        """The address and port that the datagram in a slot came from."""
        raw = self._address_octets[index * _ADDRESS : (index + 1) * _ADDRESS].tobytes()
        octets = raw[4:8] if self._bound.family is socket.AF_INET else raw[8:24]
        return DnsClient(socket.inet_ntop(self._bound.family, octets), int.from_bytes(raw[2:4], "big"))

    def source(self, index: int) -> list[tuple[int, int, bytes]]:
        """The ancillary data (sendmsg(2)) with which a late reply to the datagram in a slot leaves from where it came
        to; none when the socket has only one address."""
        if not self._control_length:
            return []
        level, _, type_, size = _PKTINFO[self._bound.family]
        start = index * _CONTROL + socket.CMSG_LEN(0)
        info = bytearray(self._controls.raw[start : start + size])
        at = _INDEX_AT[self._bound.family]
        info[at : at + 4] = bytes(4)
        return [(level, type_, bytes(info))]

    def _forget_interfaces(self, first: int, end: int) -> None:
        """A reply leaves through whatever interface the route says, which need not be the one of the question."""
        at = (socket.CMSG_LEN(0) + _INDEX_AT[self._bound.family]) // _INT
        stride = _CONTROL // _INT
        self._control_words[first * stride + at : end * stride : stride] = _NO_INTERFACES[: end - first]

    def reply(self, first: int, end: int) -> None:
        """Send the outgoing slots from ``first`` up to ``end``, each to where the datagram in its slot came from."""
        if self._control_length:
            self._forget_interfaces(first, end)
        base = ctypes.addressof(self._headers[1])
        while first < end:
            sent = _sendmmsg(self._bound.fileno(), base + first * _HEADER, end - first, socket.MSG_DONTWAIT)
            if sent <= 0:
                self.lost += 1  # this one cannot be sent, as any datagram may be lost; the next one perhaps can
            first += max(1, sent)
