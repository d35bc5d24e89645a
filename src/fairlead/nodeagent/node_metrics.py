"""The metrics of a node's agent with the kubelet's names, in Prometheus' text format.

Upstream: ``pkg/kubelet/metrics/metrics.go``.
"""

from collections.abc import Mapping

from fairlead.model.kubernetes_version import SERVED


def node_metrics(node: str, containers: Mapping[str, int], pods: int) -> str:
    """The page of ``/metrics``.

    Args:
        containers: how many there are, by state.
        pods: how many have a running sandbox.
    """
    major, minor, *_ = SERVED.lstrip("v").split(".")
    build = f'{{git_version="{SERVED}",major="{major}",minor="{minor}",platform="linux"}}'
    samples = {
        "kubelet_node_name": [f'{{node="{node}"}} 1'],
        "kubelet_running_containers": [f'{{container_state="{state}"}} {n}' for state, n in sorted(containers.items())],
        "kubelet_running_pods": [f" {pods}"],
        "kubernetes_build_info": [f"{build} 1"],
    }
    return "".join(_family(name, lines) for name, lines in samples.items())


_HELP = {
    "kubelet_node_name": "The node's name. The count is always 1.",
    "kubelet_running_containers": "Number of containers currently running",
    "kubelet_running_pods": "Number of pods that have a running pod sandbox",
    "kubernetes_build_info": "The version of Kubernetes whose API this speaks.",
}


def _family(name: str, samples: list[str]) -> str:
    head = f"# HELP {name} [ALPHA] {_HELP[name]}\n# TYPE {name} gauge\n"
    return head + "".join(f"{name}{sample}\n" for sample in samples)
