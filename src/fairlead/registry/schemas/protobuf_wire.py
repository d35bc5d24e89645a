"""The wire format of protobuf: numbered fields, each a number or octets.

Refuses truncated messages, and group markers, which no current encoder writes. Protocol Buffers Documentation,
"Encoding".
"""

from collections.abc import Iterator

_VARINT, _FIXED64, _OCTETS, _FIXED32 = 0, 1, 2, 5
_FIXED = {_FIXED64: 8, _FIXED32: 4}
_MAX_VARINT_BITS = 70


def fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a message in the order they stand: number, and an unsigned number or octets.

    Raises:
        ValueError: the octets are no message.
    """
    position = 0
    while position < len(data):
        key, position = _varint(data, position)
        number, wire_type = key >> 3, key & 7
        if wire_type == _VARINT:
            value, position = _varint(data, position)
            yield number, value
            continue
        if wire_type == _OCTETS:
            length, position = _varint(data, position)
        elif wire_type in _FIXED:
            length = _FIXED[wire_type]
        else:
            raise ValueError(f"proto: illegal wireType {wire_type}")
        if position + length > len(data):
            raise ValueError("unexpected EOF")
        yield number, data[position : position + length]
        position += length


def signed(value: int) -> int:
    """A 64-bit two's complement number; int32 is sent sign-extended to it."""
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >> 63 else value


def _varint(data: bytes, position: int) -> tuple[int, int]:
    result = 0
    for shift in range(0, _MAX_VARINT_BITS, 7):
        if position >= len(data):
            raise ValueError("unexpected EOF")
        octet = data[position]
        position += 1
        result |= (octet & 0x7F) << shift
        if octet < 0x80:
            return result, position
    raise ValueError("proto: integer overflow")
