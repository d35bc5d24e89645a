"""Pod security's review of a write: a refusal, warnings, or notes for the audit log.

Pods are held against what their namespace enforces; they and the templates of workloads against what it warns of and
what it audits. A namespace whose labels become stricter is told which of its Pods would not be let in any more.
Upstream: pod-security-admission ``admission/admission.go``.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from fairlead.model.document import Doc
from fairlead.model.names import ObjectKey
from fairlead.registry.access.pod_security.pods import CheckedPod, Violation, at
from fairlead.registry.access.pod_security.policy import NamespacePolicy, Standard, policy_of
from fairlead.registry.access.pod_security.standards import violations
from fairlead.registry.requests import RequestTarget
from fairlead.registry.status import forbidden, invalid
from fairlead.registry.store import State

MAX_CHECKED = 3000  # Pods of a namespace whose labels change

# Resources with a Pod's template, and its path.
_TEMPLATES = {
    **dict.fromkeys(
        ("ReplicationController", "ReplicaSet", "Deployment", "StatefulSet", "DaemonSet", "Job"), ("spec", "template")
    ),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
    "PodTemplate": ("template",),
}
# Subresources of a Pod that cannot change its privileges.
_HARMLESS = frozenset({"status", "binding", "eviction", "resize"})


class PodSecurityReview(NamedTuple):
    """The result for a document that can be stored.

    Attributes:
        warnings: for the client.
        audited: what upstream's annotation ``pod-security.kubernetes.io/audit-violations`` has; empty: nothing is.
    """

    warnings: tuple[str, ...] = ()
    audited: str = ""


def review(state: State, target: RequestTarget, new: Doc, old: Doc | None) -> PodSecurityReview:
    """Review a document that passed all other checks.

    Raises:
        ApiError: 403, the namespace does not let this Pod in; 422, the labels of a namespace say nothing.
    """
    kind, side = target.resource.kind, target.subresource.name if target.subresource else ""
    if kind == "Namespace" and not side:
        return PodSecurityReview(_review_namespace(state, target, new, old))
    if kind == "Pod" and side not in _HARMLESS and (old is None or _is_significant(new, old)):
        return _review_pod(state, target, new)
    if kind in _TEMPLATES and not side and (template := at(new, *_TEMPLATES[kind])):
        return _said(_pod(template), _policy(state, target.namespace))
    return PodSecurityReview()


def _policy(state: State, namespace: str) -> NamespacePolicy:
    stored = state.get("namespaces", ObjectKey("", namespace))
    return policy_of(stored.labels if stored else {})[0]


def _pod(document: Doc) -> CheckedPod:
    return CheckedPod(document.get("metadata") or {}, document.get("spec") or {})


def _review_pod(state: State, target: RequestTarget, document: Doc) -> PodSecurityReview:
    policy, pod = _policy(state, target.namespace), _pod(document)
    if policy == NamespacePolicy():  # it lets everything in, and most namespaces have it
        return PodSecurityReview()
    if found := violations(pod, policy.enforce):
        why = f'violates PodSecurity "{policy.enforce}": {_listed(found)}'
        raise forbidden("pods", document["metadata"].get("name", ""), why)
    return _said(pod, policy)


def _said(pod: CheckedPod, policy: NamespacePolicy) -> PodSecurityReview:
    warning = _would_violate(pod, policy.warn)
    audited = warning if policy.audit == policy.warn else _would_violate(pod, policy.audit)
    return PodSecurityReview((warning,) if warning else (), audited)


def _would_violate(pod: CheckedPod, standard: Standard) -> str:
    found = violations(pod, standard)
    return f'would violate PodSecurity "{standard}": {_listed(found)}' if found else ""


def _listed(found: Iterable[Violation]) -> str:
    return ", ".join(map(str, found))


def _is_significant(new: Doc, old: Doc) -> bool:
    """Whether a change of a Pod touches what the standards are about: of what may change, the images, further
    containers, and annotations."""
    return _judged(new) != _judged(old)


def _judged(document: Doc) -> tuple[dict[str, str], list[tuple[str, str]]]:
    pod = _pod(document)
    seccomp = {key: value for key, value in pod.annotations.items() if "seccomp.security.alpha" in key}
    return seccomp, [(container.get("name", ""), container.get("image", "")) for container in pod.containers]


def _review_namespace(state: State, target: RequestTarget, new: Doc, old: Doc | None) -> tuple[str, ...]:
    policy, faults = policy_of(new["metadata"].get("labels") or {})
    before, faults_before = policy_of(old["metadata"].get("labels") or {}) if old else (NamespacePolicy(), [])
    name = new["metadata"].get("name", "")
    if faults and faults != faults_before:
        raise invalid("Namespace", name, faults)
    if old is None or not _is_stricter(policy.enforce, before.enforce):
        return ()
    return tuple(_warnings_of_pods(state, name, policy.enforce))


def _is_stricter(new: Standard, old: Standard) -> bool:
    return new != old and bool(new.strictness) and (new.version != old.version or new.strictness > old.strictness)


def _warnings_of_pods(state: State, namespace: str, standard: Standard) -> Iterator[str]:
    """The existing Pods that would no longer be admitted, by violation."""
    pods = [(key.name, stored) for key, stored in state.of("pods").items() if key.namespace == namespace]
    names: dict[str, list[str]] = defaultdict(list)
    for name, stored in pods[:MAX_CHECKED]:
        if found := violations(_pod(msgspec.json.decode(stored.document)), standard):
            names[", ".join(violation.reason for violation in found)].append(name)
    if len(pods) > MAX_CHECKED:
        yield (
            f"new PodSecurity enforce level only checked against the first {MAX_CHECKED} of {len(pods)} existing pods"
        )
    if names:
        yield f'existing pods in namespace "{namespace}" violate the new PodSecurity enforce level "{standard}"'
    yield from sorted(f"{_counted(sorted(found))}: {reasons}" for reasons, found in names.items())


def _counted(names: list[str]) -> str:
    others = len(names) - 1
    return f"{names[0]} (and {others} other pod{'s' if others > 1 else ''})" if others else names[0]
