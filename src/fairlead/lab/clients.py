"""Ready clients of well-known libraries, for the lab's API server; each library is imported on first use."""

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

from fairlead.lab.errors import LabError


class Clients:
    """Clients with the lab's administrator credentials, and with a default namespace if the library has one."""

    def __init__(self, kubeconfig: Path, namespace: str) -> None:
        self._kubeconfig, self._namespace = str(kubeconfig), namespace

    def kubernetes(self) -> Any:
        """An ``ApiClient`` of the official client: ``kubernetes.client.CoreV1Api(lab.clients.kubernetes())``."""
        return _imported("kubernetes.config").new_client_from_config(self._kubeconfig)

    async def kubernetes_asyncio(self) -> Any:
        """An ``ApiClient`` of ``kubernetes_asyncio``; close it."""
        return await _imported("kubernetes_asyncio.config").new_client_from_config(self._kubeconfig)

    def kr8s(self) -> Any:
        """The API object of ``kr8s``, synchronous."""
        return _imported("kr8s").api(kubeconfig=self._kubeconfig, namespace=self._namespace)

    async def kr8s_asyncio(self) -> Any:
        """The API object of ``kr8s.asyncio``."""
        return await _imported("kr8s.asyncio").api(kubeconfig=self._kubeconfig, namespace=self._namespace)

    def lightkube(self) -> Any:
        """A ``lightkube.Client``."""
        return _imported("lightkube").Client(self._lightkube_config(), namespace=self._namespace)

    def lightkube_asyncio(self) -> Any:
        """A ``lightkube.AsyncClient``."""
        return _imported("lightkube").AsyncClient(self._lightkube_config(), namespace=self._namespace)

    def _lightkube_config(self) -> Any:
        return _imported("lightkube").KubeConfig.from_file(self._kubeconfig)


def _imported(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        package = name.partition(".")[0]
        raise LabError(f"the library {package} is not installed: pip install {package}") from error
