"""Errors of requests to the API server."""


class KubeError(Exception):
    """The API server refused a request: HTTP ``code``, Status ``reason`` and its message.

    Attributes:
        retry_after: seconds that the server asks to be left alone for; 0 when it does not say.
    """

    def __init__(self, code: int, reason: str, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.retry_after = retry_after


class Unreachable(Exception):
    """The API server could not be reached, or broke off."""
