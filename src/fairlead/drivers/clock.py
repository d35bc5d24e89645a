"""The time of day as the Kubernetes API writes it."""

from datetime import UTC, datetime


def rfc3339_now() -> str:
    """Now, in UTC and whole seconds, like metav1.Time."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
