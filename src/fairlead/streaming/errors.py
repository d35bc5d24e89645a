"""Errors of a stream, by the side that caused them."""


class StreamingError(Exception):
    """Root of this package's errors."""


class PeerError(StreamingError):
    """The peer broke the protocol; the connection cannot go on."""


class BadRequest(StreamingError):
    """A request asks for something that does not exist or makes no sense; answered with status 400."""
