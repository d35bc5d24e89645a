"""Helm's own programs, of both of its major versions, against a lab."""

import json
import subprocess
import time
from pathlib import Path
from typing import Any

from tests.support.labs import BIN, Lab

VERSIONS = ("4", "3")


class HelmFailedError(Exception):
    """What Helm printed when it failed."""


class Helm:
    """One version of Helm at the prompt, in one namespace of a lab.

    Attributes:
        rollback_seconds: how long the last rollback took.
    """

    rollback_seconds = 0.0

    def __init__(self, lab: Lab, version: str, namespace: str) -> None:
        self._program = BIN / f"helm.{version}"
        assert self._program.exists(), f"there is no {self._program.name}; scripts/setup.sh tests brings it"
        self._lab, self._version, self.namespace = lab, version, namespace

    def __call__(self, *arguments: str | Path) -> str:
        """What a command prints.

        Raises:
            HelmFailedError: it failed.
        """
        places = ("--kubeconfig", self._lab.kubeconfig, "--namespace", self.namespace)
        began = time.monotonic()
        done = subprocess.run(
            [self._program, *arguments, *places],
            env=self._lab.environment | {"HELM_CACHE_HOME": str(self._lab.folder / f"helm.{self._version}")},
            text=True,
            capture_output=True,
            timeout=400,
            check=False,
        )
        if arguments[0] == "rollback":
            self.rollback_seconds = time.monotonic() - began
        if done.returncode:
            raise HelmFailedError(done.stdout + done.stderr)
        return done.stdout

    def json(self, *arguments: str | Path) -> Any:
        return json.loads(self(*arguments, "--output", "json"))
