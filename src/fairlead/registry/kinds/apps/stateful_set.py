"""StatefulSets. Upstream: pkg/registry/apps/statefulset, pkg/apis/apps/v1/defaults.go.

Most of a StatefulSet is fixed, because its Pods keep their names and their claims.
"""

from typing import Any

from fairlead.model.document import Doc
from fairlead.registry.field_errors import FieldError, forbidden, invalid, required
from fairlead.registry.kinds.apps.pod_template import (
    container_cells,
    fill_spec,
    spec_changed,
    status_number,
    validate_template,
    workload_warnings,
)
from fairlead.registry.kinds.cells import AGE, NAME, age, name, wide
from fairlead.registry.kinds.core import persistent_volume_claim
from fairlead.registry.kinds.value_rules import one_of
from fairlead.registry.strategy import Column, Context, Strategy

_SPEC = {"replicas": 1, "revisionHistoryLimit": 10, "podManagementPolicy": "OrderedReady", "serviceName": ""}
_RETENTION = {"whenDeleted": "Retain", "whenScaled": "Retain"}
_RETENTION_POLICIES = ("Delete", "Retain")
_MANAGEMENT_POLICIES = ("OrderedReady", "Parallel")
_UPDATE_STRATEGIES = ("OnDelete", "RollingUpdate")
_NEGATIVE = "must be greater than or equal to 0"
_CHANGEABLE = (
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
)


def default(stateful_set: Doc) -> None:
    """Fill in missing fields."""
    spec = fill_spec(stateful_set, _SPEC)
    strategy = spec.setdefault("updateStrategy", {})
    if not strategy.get("type"):
        strategy |= {"type": "RollingUpdate", "rollingUpdate": strategy.get("rollingUpdate") or {}}
    if strategy["type"] == "RollingUpdate" and strategy.get("rollingUpdate") is not None:
        strategy["rollingUpdate"].setdefault("partition", 0)
    spec["persistentVolumeClaimRetentionPolicy"] = _RETENTION | spec.get("persistentVolumeClaimRetentionPolicy", {})
    default_claims(stateful_set)


def default_claims(stateful_set: Doc) -> None:
    """Complete the claim templates, in sets of earlier versions too, so that writing such a set back changes
    nothing."""
    for template in stateful_set["spec"].get("volumeClaimTemplates") or ():
        template |= {"apiVersion": "v1", "kind": "PersistentVolumeClaim"}
        persistent_volume_claim.default(template)


def prepare_create(stateful_set: Doc, context: Context) -> None:
    """A new StatefulSet has no Pods."""
    stateful_set["status"] = {"replicas": 0, "availableReplicas": 0}
    _drop_disabled(stateful_set)


def prepare_update(stateful_set: Doc, old: Doc, context: Context) -> None:
    """The same fields count as in a new one."""
    _drop_disabled(stateful_set)


def _drop_disabled(stateful_set: Doc) -> None:
    """Several Pods at a time are no part of Kubernetes 1.36: the feature gate MaxUnavailableStatefulSet is off."""
    (stateful_set["spec"]["updateStrategy"].get("rollingUpdate") or {}).pop("maxUnavailable", None)


def validate_create(stateful_set: Doc, context: Context) -> list[FieldError]:
    """The faults of a new StatefulSet."""
    spec = stateful_set["spec"]
    faults = one_of("spec.podManagementPolicy", spec["podManagementPolicy"], _MANAGEMENT_POLICIES)
    faults += _strategy(spec["updateStrategy"])
    if (start := spec.get("ordinals", {}).get("start", 0)) < 0:
        faults.append(invalid("spec.ordinals.start", start, _NEGATIVE))
    path = "spec.persistentVolumeClaimRetentionPolicy"
    for field, value in spec["persistentVolumeClaimRetentionPolicy"].items():
        faults += one_of(f"{path}.{field}", value, _RETENTION_POLICIES)
    faults += _claim_names(spec)
    return faults + validate_template(_with_claims(spec), "statefulset")


def _claim_names(spec: Doc) -> list[FieldError]:
    """Claims are named after their templates, so a template needs a name."""
    return [
        required(f"spec.volumeClaimTemplates[{index}].metadata.name")
        for index, template in enumerate(spec.get("volumeClaimTemplates") or ())
        if not (template.get("metadata") or {}).get("name")
    ]


def _with_claims(spec: Doc) -> Doc:
    """The spec with a template as its Pods will be: each claim template stands for a volume of its name."""
    names = [(template.get("metadata") or {}).get("name") for template in spec.get("volumeClaimTemplates") or ()]
    pod = spec["template"]["spec"]
    volumes = [volume for volume in pod.get("volumes") or () if volume.get("name") not in names]
    volumes += [{"name": name, "persistentVolumeClaim": {}} for name in dict.fromkeys(names) if name]
    return {**spec, "template": {**spec["template"], "spec": {**pod, "volumes": volumes}}}


def _strategy(strategy: Doc) -> list[FieldError]:
    path, rolling = "spec.updateStrategy.rollingUpdate", strategy.get("rollingUpdate")
    if strategy["type"] == "OnDelete" and rolling is not None:
        return [invalid(path, rolling, "only allowed for updateStrategy 'RollingUpdate'")]
    partition = (rolling or {}).get("partition", 0)
    if partition < 0:
        return [invalid(f"{path}.partition", partition, _NEGATIVE)]
    return one_of("spec.updateStrategy", strategy["type"], _UPDATE_STRATEGIES)


def validate_update(stateful_set: Doc, old: Doc, context: Context) -> list[FieldError]:
    """The faults of a changed StatefulSet."""
    faults = validate_create(stateful_set, context)
    if _fixed(stateful_set["spec"]) != _fixed(old["spec"]):
        *listed, last = (f"'{field}'" for field in _CHANGEABLE)
        fields = f"{', '.join(listed)} and {last}"
        detail = f"updates to statefulset spec for fields other than {fields} are forbidden"
        faults.append(forbidden("spec", detail))
    return faults


def _fixed(spec: Doc) -> Doc:
    return {field: value for field, value in spec.items() if field not in _CHANGEABLE}


def row(stateful_set: Doc, now: str) -> list[Any]:
    """The cells of one StatefulSet."""
    ready = f"{status_number(stateful_set, 'readyReplicas')}/{stateful_set['spec']['replicas']}"
    return [name(stateful_set), ready, age(stateful_set, now), *container_cells(stateful_set)]


STRATEGY = Strategy(
    default=default,
    prepare_create=prepare_create,
    prepare_update=prepare_update,
    validate_create=validate_create,
    validate_update=validate_update,
    warnings=workload_warnings,
    bumps_generation=spec_changed,
    on_read=default_claims,
    columns=(NAME, Column("Ready"), AGE, wide("Containers"), wide("Images")),
    row=row,
)
