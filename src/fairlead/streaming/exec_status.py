"""How a command ended, as the Status document that clients expect on the error stream.

Source: ``staging/src/k8s.io/apimachinery/pkg/util/remotecommand/constants.go`` (NonZeroExitCode, ExitCode), version 4
of the protocol; ``k8s.io/apimachinery/pkg/api/errors`` (NewInternalError).
"""

import json


def exited(code: int) -> bytes:
    """The document for an exit code, which is 128 + n after signal n."""
    if code == 0:
        return json.dumps({"metadata": {}, "status": "Success"}).encode()
    return _failure(
        {
            "message": f"command terminated with non-zero exit code: exit status {code}",
            "reason": "NonZeroExitCode",
            "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
        }
    )


def not_started(reason: str) -> bytes:
    """The document for a command that could not be run at all."""
    return _failure(
        {
            "message": f"Internal error occurred: error executing command in container: {reason}",
            "reason": "InternalError",
            "details": {"causes": [{"message": f"error executing command in container: {reason}"}]},
            "code": 500,
        }
    )


def _failure(fields: dict[str, object]) -> bytes:
    return json.dumps({"metadata": {}, "status": "Failure", **fields}).encode()
