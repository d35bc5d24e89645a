"""Errors of a session, with their BGP codes.

RFC 4271 section 4.5, RFC 4486 (Cease), RFC 5492 (capabilities), RFC 6608 (state machine), RFC 9003 (text).
"""

import enum


class NotificationCode(enum.IntEnum):
    """The first octet of a NOTIFICATION."""

    HEADER = 1
    OPEN = 2
    UPDATE = 3
    HOLD_TIMER = 4
    STATE_MACHINE = 5
    CEASE = 6
    ROUTE_REFRESH = 7


# Subcodes that are sent from here.
NOT_SYNCHRONIZED, BAD_LENGTH, BAD_TYPE = 1, 2, 3
BAD_VERSION, BAD_PEER_AS, BAD_IDENTIFIER, BAD_PARAMETER, BAD_HOLD_TIME = 1, 2, 3, 4, 6
UNSUPPORTED_CAPABILITY = 7
MALFORMED_ATTRIBUTES = 1
IN_OPEN_SENT, IN_OPEN_CONFIRM, IN_ESTABLISHED = 1, 2, 3
SHUTDOWN, RESET = 2, 4

_CODES = {
    1: "Message Header Error",
    2: "OPEN Message Error",
    3: "UPDATE Message Error",
    4: "Hold Timer Expired",
    5: "Finite State Machine Error",
    6: "Cease",
    7: "ROUTE-REFRESH Message Error",
}
_SUBCODES = {
    (1, 1): "Connection Not Synchronized",
    (1, 2): "Bad Message Length",
    (1, 3): "Bad Message Type",
    (2, 1): "Unsupported Version Number",
    (2, 2): "Bad Peer AS",
    (2, 3): "Bad BGP Identifier",
    (2, 4): "Unsupported Optional Parameter",
    (2, 6): "Unacceptable Hold Time",
    (2, 7): "Unsupported Capability",
    (2, 11): "Role Mismatch",
    (3, 1): "Malformed Attribute List",
    (3, 2): "Unrecognized Well-known Attribute",
    (3, 3): "Missing Well-known Attribute",
    (3, 4): "Attribute Flags Error",
    (3, 5): "Attribute Length Error",
    (3, 6): "Invalid ORIGIN Attribute",
    (3, 8): "Invalid NEXT_HOP Attribute",
    (3, 9): "Optional Attribute Error",
    (3, 10): "Invalid Network Field",
    (3, 11): "Malformed AS_PATH",
    (5, 1): "Unexpected Message in OpenSent",
    (5, 2): "Unexpected Message in OpenConfirm",
    (5, 3): "Unexpected Message in Established",
    (6, 1): "Maximum Number of Prefixes Reached",
    (6, 2): "Administrative Shutdown",
    (6, 3): "Peer De-configured",
    (6, 4): "Administrative Reset",
    (6, 5): "Connection Rejected",
    (6, 6): "Other Configuration Change",
    (6, 7): "Connection Collision Resolution",
    (6, 8): "Out of Resources",
    (6, 9): "Hard Reset",
    (6, 10): "BFD Down",
}


class BgpError(Exception):
    """The peer broke the protocol; the answer is a NOTIFICATION with this code, subcode and data."""

    def __init__(self, code: NotificationCode, subcode: int = 0, data: bytes = b"", detail: str = "") -> None:
        super().__init__(describe(code, subcode) + (f": {detail}" if detail else ""))
        self.code, self.subcode, self.data = code, subcode, data


def describe(code: int, subcode: int, data: bytes = b"") -> str:
    """The RFCs' words for the codes, and the text that a Cease may bring (RFC 9003), on one line."""
    text = _CODES.get(code, f"error {code}")
    if subcode:
        text += f", {_SUBCODES.get((code, subcode), f'subcode {subcode}')}"
    if code == NotificationCode.CEASE and subcode in (SHUTDOWN, RESET) and data and len(data) > data[0]:
        said = data[1 : 1 + data[0]].decode(errors="replace")
        printable = "".join(each if each.isprintable() else "?" for each in said)
        text += f" ({printable})" if printable else ""
    return text
