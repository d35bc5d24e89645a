"""An operator: for each ConfigMap with the label ``site``, a Deployment that serves it and a Service in front of it."""

import threading
from typing import Any

import kr8s
from kr8s.objects import ConfigMap, Deployment, Service


class Operator(threading.Thread):
    """Follows ConfigMaps until it is stopped."""

    def __init__(self, api: kr8s.Api) -> None:
        super().__init__(daemon=True)
        self._api, self._stopped = api, threading.Event()

    def run(self) -> None:
        while not self._stopped.wait(0.05):
            for site in self._api.get("configmaps", label_selector={"site": "true"}):
                self.reconcile(site)

    def stop(self) -> None:
        self._stopped.set()
        self.join()

    def reconcile(self, site: ConfigMap) -> None:
        """Make what is missing."""
        for wanted in (Deployment(self.deployment(site), api=self._api), Service(self.service(site), api=self._api)):
            if not wanted.exists():
                wanted.create()

    def deployment(self, site: ConfigMap) -> dict[str, Any]:
        labels = {"site.example.com/name": site.name}
        return {
            "metadata": {"name": site.name, "namespace": site.namespace},
            "spec": {
                "replicas": int(site.data["replicas"]),
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {"containers": [{"name": "web", "image": "fairlead/echo"}]},
                },
            },
        }

    def service(self, site: ConfigMap) -> dict[str, Any]:
        return {
            "metadata": {"name": site.name, "namespace": site.namespace},
            "spec": {"selector": self.selector(site), "ports": [{"port": 80}]},
        }

    def selector(self, site: ConfigMap) -> dict[str, str]:
        return {"example.com/site": site.name}  # the bug


class RepairedOperator(Operator):
    def selector(self, site: ConfigMap) -> dict[str, str]:
        return {"site.example.com/name": site.name}
