"""Events: the reasons that the source gives, and what each means."""

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

from scripts.reference.source import calls, modules, texts

_MAKERS = {"EventText", "_say", "_warn", "_warn_of_policy", "Complaint"}
TYPES = ("Normal", "Warning")
_REASON = re.compile(r"^(?:[A-Z]\w+|nodeAssigned)$")

MEANINGS: dict[str, tuple[str, str]] = {
    "BGPSessionDown": (
        "Node",
        "The BGP session with a router has ended or cannot begin; the message has the router's reason.",
    ),
    "BGPSessionUp": ("Node", "A BGP session with a router is established."),
    "BackOff": ("Pod", "A container failed again and waits longer each time before it is started again."),
    "BalancingNotSupported": (
        "Service",
        "`fairlead.dev/balancing` asks for what the node's back end cannot do; endpoints are drawn at random.",
    ),
    "Completed": ("Job", "The Job has ended well."),
    "CorefileApplied": ("ConfigMap", "A new Corefile is in force."),
    "CorefileRefused": (
        "ConfigMap",
        "The Corefile has faults, which the message lists; the one before stays in force.",
    ),
    "Created": ("Pod", "A container was created."),
    "DeletedLoadBalancer": ("Service", "The Service has no load balancer's address any more."),
    "DeletingLoadBalancer": ("Service", "The address of a load balancer is being taken back."),
    "EnsuredLoadBalancer": ("Service", "The Service has its load balancer's address."),
    "EnsuringLoadBalancer": ("Service", "An address for a load balancer is being chosen."),
    "ExternalIPNotServed": (
        "Service",
        "An external IP is the cluster IP of another Service, so nodes do not forward it.",
    ),
    "ExternalProvisioning": ("PersistentVolumeClaim", "The claim waits for a provisioner that is not Fairlead's."),
    "Failed": ("Pod", "A container could not be started, or its image could not be fetched."),
    "FailedBinding": ("PersistentVolumeClaim", "No volume fits the claim and it names no class that makes one."),
    "FailedCreate": (
        "the owner of Pods or Jobs",
        "A Pod or Job could not be created; the message has the API's answer.",
    ),
    "FailedCreatePodSandBox": ("Pod", "The namespaces of a Pod could not be made; it is tried again."),
    "FailedDaemonPod": ("DaemonSet", "A Pod failed, and is deleted so that another one can be created."),
    "FailedDelete": ("the owner of Pods or Jobs", "A Pod or Job could not be deleted; the message says why."),
    "FailedMount": ("Pod", "A volume is missing or cannot be mounted; it is tried again."),
    "FailedScheduling": ("Pod", "No Node can take the Pod; the message counts the Nodes by reason."),
    "FailedToRetrieveImagePullSecret": ("Pod", "A Secret of `imagePullSecrets` is missing or has no login."),
    "FailedToStartServiceHealthcheck": ("Service", "A node cannot listen on the health check port of the Service."),
    "FailedToUpdateEndpointSlices": ("Service", "EndpointSlices of the Service could not be written."),
    "FailedToUpdateRules": (
        "Service, NetworkPolicy",
        "The kernel refused the rules. Those of a Service stay as they were; the Pods of a policy are isolated.",
    ),
    "HostFirewallDropsServices": (
        "Node",
        "A chain of the host's own firewall drops what the rules of Services translate.",
    ),
    "InvalidAnnotation": (
        "Service",
        "An annotation cannot be read and is ignored; the message says what was expected.",
    ),
    "InvalidRule": ("NetworkPolicy", "A rule makes no sense and lets nothing through; the rest of the policy counts."),
    "JobAlreadyActive": ("CronJob", "A run was left out: one is still active, and `concurrencyPolicy` is `Forbid`."),
    "Killing": ("Pod", "A container is being stopped."),
    "LeaderElection": ("Lease", "A process has begun or stopped leading."),
    "LoadBalancerAddressConflict": ("Service", "The address of the Service belongs to another Service."),
    "MissSchedule": ("CronJob", "A run missed its time by more than `startingDeadlineSeconds`."),
    "MissingJob": ("CronJob", "A Job that was active is gone, and nothing is known of its end."),
    "NodeNotReady": ("Node", "The Node sent no heartbeat for the grace period, or says that it is not ready."),
    "NotProvided": ("Pod", "The Pod asks for something that nodes here do not act on; the message names the fields."),
    "OverlayRefused": ("Pod", "The kernel refuses an overlay file system; root folders are copied instead."),
    "ProvisioningFailed": ("PersistentVolumeClaim", "No volume could be made for the claim."),
    "ProvisioningSucceeded": ("PersistentVolumeClaim", "A volume was made for the claim."),
    "Pulled": ("Pod", "The image is there."),
    "Pulling": ("Pod", "The image is being fetched."),
    "RecreatingFailedPod": ("StatefulSet", "A Pod failed, and is deleted so that it can be created again."),
    "RecreatingTerminatedPod": ("StatefulSet", "A Pod ended, and is deleted so that it can be created again."),
    "Resumed": ("Job", "The Job goes on, and its time begins again."),
    "SawCompletedJob": ("CronJob", "A Job of the CronJob has ended; the message says how."),
    "ScalingReplicaSet": ("Deployment", "A rollout changed the number of Pods of a ReplicaSet."),
    "Scheduled": ("Pod", "The Pod was given to a Node."),
    "Started": ("Pod", "A container runs."),
    "SucceededDaemonPod": ("DaemonSet", "A Pod ended, and is deleted so that another one can be created."),
    "SuccessfulCreate": ("the owner of Pods or Jobs", "A Pod or Job was created."),
    "SuccessfulDelete": ("the owner of Pods or Jobs", "A Pod or Job was deleted."),
    "Suspended": ("Job", "The Job is suspended, and its Pods are deleted."),
    "SyncLoadBalancerFailed": ("Service", "No address for the load balancer could be given; the message says why."),
    "TaintManagerEviction": ("Pod", "The Pod does not tolerate a taint of its Node, and is deleted."),
    "TooManyAddressesToMirror": ("Endpoints", "More than 1,000 addresses of a subset are not mirrored."),
    "TooManyMissedTimes": ("CronJob", "More than 100 runs were missed."),
    "TooManySucceededPods": ("Job", "More Pods succeeded than `completions` says."),
    "TopologyAwareHintsDisabled": ("Service", "EndpointSlices have no hints by zone; the message says why."),
    "TopologyAwareHintsEnabled": ("Service", "EndpointSlices have hints by zone."),
    "Unhealthy": ("Pod", "A probe failed."),
    "UnknownTimeZone": ("CronJob", "`spec.timeZone` is not known on this machine."),
    "UnparseableSchedule": ("CronJob", "`spec.schedule` cannot be read."),
    "WaitForFirstConsumer": ("PersistentVolumeClaim", "The claim waits for a Pod that uses it."),
    "nodeAssigned": ("Service", "Which nodes announce the address of the load balancer."),
}
"""Reason -> the kinds that it is written on, and what it means."""


class Reason(NamedTuple):
    """A reason, and the module that gives it."""

    text: str
    module: str


def reasons() -> Iterator[Reason]:
    """Every reason of an Event that stands in the source."""
    for path, tree in modules():
        yield from (Reason(text, path) for text in _paired(tree))
        for function, call in calls(tree):
            if function in _MAKERS:
                for argument in call.args[:2]:
                    yield from (Reason(text, path) for text in texts(argument) if _is_reason(text))


_INTRODUCTION = """\
Every reason that a part of Fairlead writes, in upstream's words where upstream has them: `kubectl describe` and
`kubectl get events` show them. An Event that says the same again is counted up.
"""


def events_page() -> str:
    rows = [f"| `{reason}` | {kind} | {text} |" for reason, (kind, text) in sorted(MEANINGS.items())]
    return "\n".join(["# Events\n", _INTRODUCTION, "| reason | on | means |", "|---|---|---|", *rows, ""])


def _is_reason(text: str) -> bool:
    return text not in TYPES and bool(_REASON.match(text))


def _paired(tree: ast.Module) -> Iterator[str]:
    """Reasons in tables: of pairs of a reason and a type."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Tuple) and len(node.elts) == 2:
            first, second = (texts(element) for element in node.elts)
            if first and second and second[0] in TYPES and _is_reason(first[0]):
                yield first[0]
