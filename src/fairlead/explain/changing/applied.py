"""The predicted cluster after manifests are applied: as the API server would store them, and after the controllers'
work.

Assumption, stated where it matters: Pods of a changed workload keep their addresses, and become ready as before.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from fairlead.endpointslice.reconcile import CONTROLLER, reconcile_slices
from fairlead.explain.cluster import WORKLOADS, Cluster, Ref
from fairlead.explain.documents import mapping, number, pairs, rows, text
from fairlead.explain.reading import FoundDocument, cluster_of
from fairlead.model.document import Doc
from fairlead.model.objects import MANAGED_BY_LABEL, EndpointSlice

# Fields that the API server sets in a Service, and that a manifest rarely repeats.
_GIVEN = ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "healthCheckNodePort", "externalTrafficPolicy")
STAND_IN = "240.0.0.{}"  # RFC 1112, section 4: reserved and unused; for a virtual IP that is not allocated yet


def apply(cluster: Cluster, changes: Cluster) -> Cluster:
    """The cluster after the objects of ``changes`` were applied to it."""
    documents: dict[Ref, Doc] = dict(cluster.documents)
    for number_, (ref, wanted) in enumerate(changes.documents.items()):
        documents[ref] = _merged(documents.get(ref), wanted, ref, number_)
        if ref.kind in WORKLOADS:
            _roll_out(documents, ref, documents[ref])
    kinds = cluster.kinds | changes.kinds
    where = {**cluster.sources, **changes.sources}
    settled = _with_slices(cluster, changes, documents, kinds, where)
    return cluster_of(
        (FoundDocument(where.get(ref, "after the change"), {"kind": ref.kind, **d}) for ref, d in settled.items()),
        cluster.observations,
        kinds,
        cluster.zone,
    )


def _merged(old: Doc | None, wanted: Doc, ref: Ref, serial: int) -> Doc:
    """The stored object: the manifest's fields, and those that the server had set."""
    if old is None:
        return _created(wanted, ref, serial)
    metadata = {**mapping(old, "metadata"), **mapping(wanted, "metadata")}
    result = {**old, **wanted, "metadata": metadata}
    if ref.kind == "Service":
        result["spec"] = _service_spec(mapping(old, "spec"), mapping(wanted, "spec"))
    elif ref.kind == "Pod":
        result["spec"] = {**mapping(old, "spec"), **mapping(wanted, "spec")}
    return {**result, "status": old["status"]} if "status" in old else result


def _service_spec(old: Doc, wanted: Doc) -> dict[str, Any]:
    spec = dict(wanted)
    keeps_address = wanted.get("type", "ClusterIP") != "ExternalName" and old.get("type") != "ExternalName"
    for field in _GIVEN if keeps_address else ():
        if field in old:
            spec.setdefault(field, old[field])
    if spec.get("type", "ClusterIP") == "ClusterIP":
        spec.pop("externalTrafficPolicy", None)
        return spec
    given = {_port_key(p): p.get("nodePort") for p in rows(old, "ports")}
    spec["ports"] = [_with_node_port(p, given.get(_port_key(p))) for p in rows(wanted, "ports")]
    return spec


def _port_key(port: Doc) -> tuple[int, str]:
    return number(port, "port"), text(port, "protocol") or "TCP"


def _with_node_port(port: Doc, given: Any) -> Doc:
    return {"nodePort": given, **port} if given else port


def _created(wanted: Doc, ref: Ref, serial: int) -> Doc:
    spec = mapping(wanted, "spec")
    if ref.kind != "Service" or spec.get("clusterIP") or spec.get("type") == "ExternalName":
        return wanted
    ip = STAND_IN.format(serial % 250 + 1)
    return {**wanted, "spec": {**spec, "clusterIP": ip, "clusterIPs": [ip], "ipFamilies": ["IPv4"]}}


def _roll_out(documents: dict[Ref, Doc], ref: Ref, workload: Doc) -> None:
    """The Pods of a workload get its new template; if it shrinks, the last Pods go."""
    pods = sorted(_pods_of(documents, ref))
    template = mapping(workload, "spec", "template")
    wanted = number(workload, "spec", "replicas", default=1) if ref.kind != "DaemonSet" else len(pods)
    for pod in pods[wanted:]:
        del documents[pod]
    for pod in pods[:wanted]:
        old = documents[pod]
        labels = {**_kept_labels(old), **pairs(template, "metadata", "labels")}
        spec = {**mapping(old, "spec"), **mapping(template, "spec")}
        documents[pod] = {**old, "metadata": {**mapping(old, "metadata"), "labels": labels}, "spec": spec}


def _kept_labels(pod: Doc) -> dict[str, str]:
    """Labels that controllers put on a Pod."""
    own = (
        "pod-template-hash",
        "controller-revision-hash",
        "statefulset.kubernetes.io/pod-name",
        "apps.kubernetes.io/pod-index",
    )
    return {key: value for key, value in pairs(pod, "metadata", "labels").items() if key in own}


def _pods_of(documents: Mapping[Ref, Doc], ref: Ref) -> Iterator[Ref]:
    """The Pods that a workload owns, directly or through a ReplicaSet."""
    owners = {ref.name} | {
        r.name
        for r, d in documents.items()
        if r.kind == "ReplicaSet" and r.namespace == ref.namespace and _owner(d) == ref.name
    }
    for each, document in documents.items():
        if each.kind == "Pod" and each.namespace == ref.namespace and _is_of(_owner(document), ref, owners):
            yield each


def _owner(document: Doc) -> str:
    return next((text(o, "name") for o in rows(document, "metadata", "ownerReferences") if o.get("controller")), "")


def _is_of(owner: str, ref: Ref, owners: set[str]) -> bool:
    """A ReplicaSet that was not read is recognised by its name: that of the Deployment and a hash."""
    is_by_name = ref.kind == "Deployment" and owner.rpartition("-")[0] == ref.name
    return bool(owner) and (owner in owners or is_by_name)


def _with_slices(
    cluster: Cluster, changes: Cluster, documents: dict[Ref, Doc], kinds: frozenset[str], where: Mapping[Ref, str]
) -> dict[Ref, Doc]:
    """The documents with the slices that the controller would write for the Services whose Pods or fields change."""
    if not {"Pod", "EndpointSlice"} <= kinds:
        return documents
    found = (FoundDocument(where.get(ref, ""), {"kind": ref.kind, **d}) for ref, d in documents.items())
    after = cluster_of(found, (), kinds, cluster.zone)
    for key, service in after.snapshot.services.items():
        selector = service.spec.selector
        if not selector or not _is_touched(cluster, after, changes, Ref("Service", *key), selector):
            continue
        for slice_ in cluster.snapshot.slices_of(key):
            if slice_.labels.get(MANAGED_BY_LABEL) == CONTROLLER:
                documents.pop(Ref("EndpointSlice", slice_.namespace, slice_.name), None)
        pods = after.selected_pods(key.namespace, selector)
        nodes = after.snapshot.nodes
        for count, made in enumerate(reconcile_slices(service, pods, nodes, ()).creates):
            ref = Ref("EndpointSlice", key.namespace, f"{key.name}-after-{count}")
            documents[ref] = _document(made, ref)
    return documents


def _is_touched(before: Cluster, after: Cluster, changes: Cluster, ref: Ref, selector: Mapping[str, str]) -> bool:
    if ref in changes.documents:
        return True
    return before.selected_pods(ref.namespace, selector) != after.selected_pods(ref.namespace, selector)


def _document(slice_: EndpointSlice, ref: Ref) -> Doc:
    document: dict[str, Any] = msgspec.to_builtins(slice_)
    document["metadata"] = {**document["metadata"], "name": ref.name, "namespace": ref.namespace}
    return document
