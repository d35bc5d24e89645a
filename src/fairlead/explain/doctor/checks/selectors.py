"""Services whose selector matches no Pods, or the Pods of two applications."""

from collections.abc import Iterator

from fairlead.explain.candidates import SLIP, NearMiss, SelectorCandidate, alike
from fairlead.explain.cluster import WORKLOADS, Ref
from fairlead.explain.doctor.findings import Finding, Fix
from fairlead.explain.doctor.ward import Ward, harmed, ref_of
from fairlead.explain.documents import rows, text
from fairlead.explain.statements import Evidence
from fairlead.model.labels import contains
from fairlead.model.objects import Pod, Service
from fairlead.model.phrases import Phrase


def check_selector(ward: Ward, service: Service) -> Iterator[Finding]:
    """A selector that matches no Pod: with the label that nearly matches, or the workload without Pods."""
    selector = service.spec.selector
    if not selector or service.is_external_name or not _can_tell(ward):
        return
    if ward.cluster.selected_pods(service.namespace, selector):
        return
    templates = ward.templates_behind(service)
    if templates:
        if ward.cluster.has_read("Pod") and (templates[0].replicas == 0 or _is_kept(ward, templates[0])):
            yield _no_pods(ward, service, templates[0])
        return
    if not _is_one_of_several(ward, service):
        yield _elsewhere(ward, service) or _nothing(ward, service)


def _is_kept(ward: Ward, template: SelectorCandidate) -> bool:
    """Whether the workload is from an API server: one from a manifest has no Pods yet."""
    document = ward.cluster.document(*template.ref) or {}
    return bool(text(document, "metadata", "uid")) or "status" in document


def _is_one_of_several(ward: Ward, service: Service) -> bool:
    """Whether another Service selects the same Pods by another value of a label, or without it, so that the label
    changes while they run: a value that is clearly another word is no typing error.

    Manifests alone do not show it then; Pods do.
    """
    near = ward.near(service)
    if not near or not near[0].candidate.is_template:
        return False
    selector, labels = service.spec.selector or {}, near[0].candidate.labels
    others = (s.spec.selector or {} for s in ward.services if s.namespace == service.namespace and s != service)
    wrong = {key: value for key, value in selector.items() if labels.get(key) != value}
    is_other_word = all(key in labels and alike(labels[key], value) < SLIP for key, value in wrong.items())
    found = [other for other in others if other and contains(labels, other)]
    return any(o.keys() == selector.keys() or (is_other_word and o.keys() < selector.keys()) for o in found)


def _can_tell(ward: Ward) -> bool:
    """Whether the data suffices: manifests without Pods do if they have workloads."""
    return ward.cluster.has_read("Pod") or any(ward.cluster.has_read(kind) for kind in WORKLOADS)


def _selector_text(service: Service) -> str:
    return ",".join(f"{key}={value}" for key, value in (service.spec.selector or {}).items())


def _evidence(ward: Ward, service: Service) -> Evidence:
    return ward.cluster.field(ref_of(service), ".spec.selector", service.spec.selector or {})


def _no_pods(ward: Ward, service: Service, template: SelectorCandidate) -> Finding:
    evidence = [_evidence(ward, service), ward.cluster.field(template.ref, ".spec.replicas", template.replicas)]
    kind, name = template.ref.kind.lower(), template.ref.name
    if template.replicas == 0:
        text_ = Phrase(
            "{template} is scaled to 0, so Service {service} has no Pods", template=template.ref, service=service.key
        )
        fixes = (Fix(target=template.ref, patch={"spec": {"replicas": 1}}),)
    else:
        words = _creation_words(ward, template)
        text_ = Phrase(
            "{template} wants {replicas} Pod{replicas:plural} and has none{why}",
            template=template.ref,
            replicas=template.replicas,
            why=f": {words}" if words else "",
        )
        fixes = (Fix(f"kubectl -n {service.namespace} describe {kind} {name}"),)
    return Finding("no-pods", template.ref, text_, tuple(evidence), fixes, harmed(service))


def _creation_words(ward: Ward, template: SelectorCandidate) -> str:
    """The controller's messages about Pods that it could not create; for a Deployment, those of its ReplicaSet."""
    for event in ward.cluster.of_kind("Event").values():
        about = text(event, "involvedObject", "name")
        if text(event, "reason") == "FailedCreate" and about.startswith(template.ref.name):
            return text(event, "message")
    return ""


def _elsewhere(ward: Ward, service: Service) -> Finding | None:
    """A finding about Pods with these labels in another Namespace."""
    selector = service.spec.selector or {}
    if ward.near(service):
        return None
    for namespace in sorted(ward.cluster.snapshot.namespaces):
        found = next((c for c in ward.labelled_in(namespace) if contains(c.labels, selector)), None)
        if namespace != service.namespace and found is not None:
            text_ = Phrase(
                "no Pod in {namespace} has {selector}, but {found} in {other} has",
                namespace=service.namespace,
                selector=_selector_text(service),
                found=found.ref,
                other=namespace,
            )
            evidence = (_evidence(ward, service), ward.cluster.field(found.ref, ".metadata.namespace", namespace))
            command = (
                f"kubectl -n {service.namespace} get service {service.name} -o yaml"
                f" | sed '/clusterIP/d;/resourceVersion/d;/uid:/d;s/namespace: .*/namespace: {namespace}/'"
                f" | kubectl apply -n {namespace} -f -"
            )
            return Finding("selector-elsewhere", ref_of(service), text_, evidence, (Fix(command),), harmed(service))
    return None


def _nothing(ward: Ward, service: Service) -> Finding:
    near = ward.near(service)
    text_ = Phrase(
        "the selector {selector} of Service {service} matches no Pod",
        selector=_selector_text(service),
        service=service.key,
    )
    if not near:
        command = f"kubectl -n {service.namespace} get pods --show-labels"
        return Finding(
            "selector-nothing", ref_of(service), text_, (_evidence(ward, service),), (Fix(command),), harmed(service)
        )
    best = near[0]
    evidence = [
        _evidence(ward, service),
        ward.cluster.field(best.candidate.ref, ".metadata.labels", best.candidate.labels),
    ]
    patch = {"spec": {"selector": _selector_patch(service, best)}}
    fix = Fix(target=ref_of(service), patch=patch)
    text_ = Phrase("{what}; {difference}", what=text_, difference=_difference(best))
    return Finding("selector-nothing", ref_of(service), text_, tuple(evidence), (fix,), harmed(service))


def _difference(miss: NearMiss) -> str:
    """The label that nearly matches."""
    words = [
        f"{instead[0]}={instead[1]}" if instead else Phrase("no label {key}", key=key)
        for key, instead in miss.wrong.items()
    ]
    return Phrase("{candidate} has {words: and }", candidate=miss.candidate.ref, words=words)


def _selector_patch(service: Service, miss: NearMiss) -> dict[str, str | None]:
    """The patch of the selector that makes it match: in a merge patch null removes a key."""
    changes: dict[str, str | None] = {}
    for key, instead in miss.wrong.items():
        if instead is None or instead[0] != key:
            changes[key] = None
        if instead is not None:
            changes[instead[0]] = instead[1]
    return changes


def check_mixed(ward: Ward, service: Service) -> Iterator[Finding]:
    """Pods of two applications: with different images, and some without the target port."""
    pods = ward.pods_behind(service)
    groups: dict[frozenset[str], list[Pod]] = {}
    for pod in pods:
        groups.setdefault(_images(ward, pod), []).append(pod)
    images = sorted(groups, key=lambda image: -len(groups[image]))
    if len(images) < 2 or any(one & other for one in images for other in images if one is not other):
        return
    one, other = groups[images[0]][0], groups[images[1]][0]
    text_ = Phrase(
        "Service {service} leads to two applications: Pod {one} runs {images}, Pod {other} {other_images}",
        service=service.key,
        one=one.name,
        images=_words(images[0]),
        other=other.name,
        other_images=_words(images[1]),
    )
    evidence = [_evidence(ward, service)]
    evidence += [
        ward.cluster.field(_ref(pod), ".spec.containers[*].image", sorted(_images(ward, pod))) for pod in (one, other)
    ]
    yield Finding(
        "mixed-applications",
        ref_of(service),
        text_,
        tuple(evidence),
        tuple(_narrower(service, one, other)),
        harmed(service),
    )


def _ref(pod: Pod) -> Ref:
    return Ref("Pod", pod.namespace, pod.name)


def _images(ward: Ward, pod: Pod) -> frozenset[str]:
    """Names of images without registry and version: a canary has the same ones."""
    document = ward.cluster.document("Pod", pod.namespace, pod.name) or {}
    found = (
        text(c, "image").partition("@")[0].rpartition("/")[2].partition(":")[0]
        for c in rows(document, "spec", "containers")
    )
    return frozenset(found)


def _words(images: frozenset[str]) -> str:
    return " and ".join(sorted(images))


def _narrower(service: Service, one: Pod, other: Pod) -> Iterator[Fix]:
    """A label of the first application that the second does not have."""
    for key, value in sorted(one.labels.items()):
        if other.labels.get(key) != value and "hash" not in key and key not in (service.spec.selector or {}):
            yield Fix(target=ref_of(service), patch={"spec": {"selector": {key: value}}})
            return
    yield Fix(f"kubectl -n {service.namespace} get pods --show-labels")
