"""Write src/fairlead/registry/schemas/types.json: the fields of every API type that the served kinds reach.

The source is the lightkube-models package, pinned in requirements.lock, whose classes are generated from upstream's
OpenAPI document. Run it after that pin changes: .venv/bin/python scripts/generate_schemas.py

The file has two tables. "kinds": "apiVersion/Kind" to a type name. "types": type name to its fields, each as text:
a type, with "[]" before it for a list and "map:" for a map, and "!" at the end when the field is required.
"""

import dataclasses
import importlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

OUTPUT = Path(__file__).parent.parent / "src/fairlead/registry/schemas/types.json"

PACKAGES = {
    "apiregistration_v1": "io.k8s.kube-aggregator.pkg.apis.apiregistration.v1",
    "apiextensions_v1": "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1",
    "meta_v1": "io.k8s.apimachinery.pkg.apis.meta.v1",
    "resource": "io.k8s.apimachinery.pkg.api.resource",
    "util_intstr": "io.k8s.apimachinery.pkg.util.intstr",
    "runtime": "io.k8s.apimachinery.pkg.runtime",
}

# Of the two forms of a schema's items, structural schemas have one.
ALIASES = {"JSONSchemaPropsOrArray": "JSONSchemaProps"}

SCALARS = {"str": "string", "int": "int32", "bool": "boolean", "float": "number"}

QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"

# Fields of type map whose values are not strings; the models do not say.
MAP_VALUES = {
    "allocatable": QUANTITY,
    "allocatedResources": QUANTITY,
    "capacity": QUANTITY,
    "consumedCapacity": QUANTITY,
    "default": QUANTITY,
    "defaultRequest": QUANTITY,
    "disruptedPods": "io.k8s.apimachinery.pkg.apis.meta.v1.Time",
    "extra": "io.k8s.apimachinery.pkg.runtime.RawExtension",
    "hard": QUANTITY,
    "limits": QUANTITY,
    "max": QUANTITY,
    "maxLimitRequestRatio": QUANTITY,
    "min": QUANTITY,
    "overhead": QUANTITY,
    "podFixed": QUANTITY,
    "properties": "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps",
    "requests": QUANTITY,
    "used": QUANTITY,
}

# The same of one type alone: (type, field) -> the type of the values, in the same module.
MAP_VALUES_OF = {
    ("CounterSet", "counters"): "Counter",
    ("Device", "attributes"): "DeviceAttribute",
    ("Device", "capacity"): "DeviceCapacity",
    ("DeviceCounterConsumption", "counters"): "Counter",
}

# The models do not tell 64-bit integers from the far more usual 32-bit ones.
LONG = {
    "activeDeadlineSeconds",
    "capacity",
    "deletionGracePeriodSeconds",
    "expirationSeconds",
    "fsGroup",
    "generation",
    "gid",
    "maxItems",
    "maxLength",
    "maxProperties",
    "minItems",
    "minLength",
    "minProperties",
    "gracePeriodSeconds",
    "nodeAllocatableUpdatePeriodSeconds",
    "observedGeneration",
    "remainingItemCount",
    "runAsGroup",
    "revision",
    "runAsUser",
    "seconds",
    "startingDeadlineSeconds",
    "sizeBytes",
    "supplementalGroups",
    "terminationGracePeriodSeconds",
    "tolerationSeconds",
    "uid",
}

SERVED = {
    "apiextensions_v1": "CustomResourceDefinition",
    "admissionregistration_v1": """MutatingAdmissionPolicy MutatingAdmissionPolicyBinding MutatingWebhookConfiguration
        ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding ValidatingWebhookConfiguration""",
    "apiregistration_v1": "APIService",
    "core_v1": """Binding ComponentStatus ConfigMap Endpoints Event LimitRange Namespace Node PersistentVolume
        PersistentVolumeClaim Pod PodTemplate ReplicationController ResourceQuota Secret Service ServiceAccount""",
    "apps_v1": "ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet",
    "authentication_v1": "SelfSubjectReview TokenRequest TokenReview",
    "authorization_v1": "LocalSubjectAccessReview SelfSubjectAccessReview SelfSubjectRulesReview SubjectAccessReview",
    "autoscaling_v1": "HorizontalPodAutoscaler Scale",
    "autoscaling_v2": "HorizontalPodAutoscaler",
    "batch_v1": "CronJob Job",
    "certificates_v1": "CertificateSigningRequest",
    "coordination_v1": "Lease",
    "discovery_v1": "EndpointSlice",
    "events_v1": "Event",
    "flowcontrol_v1": "FlowSchema PriorityLevelConfiguration",
    "meta_v1": "DeleteOptions Status",
    "networking_v1": "IPAddress Ingress IngressClass NetworkPolicy ServiceCIDR",
    "node_v1": "RuntimeClass",
    "policy_v1": "Eviction PodDisruptionBudget",
    "rbac_v1": "ClusterRole ClusterRoleBinding Role RoleBinding",
    "resource_v1": "DeviceClass ResourceClaim ResourceClaimTemplate ResourceSlice",
    "scheduling_v1": "PriorityClass",
    "storage_v1": "CSIDriver CSINode CSIStorageCapacity StorageClass VolumeAttachment VolumeAttributesClass",
}

GROUPS = {
    "core": "",
    "meta": "",
    "admissionregistration": "admissionregistration.k8s.io/",
    "apiextensions": "apiextensions.k8s.io/",
    "apiregistration": "apiregistration.k8s.io/",
    "authentication": "authentication.k8s.io/",
    "authorization": "authorization.k8s.io/",
    "certificates": "certificates.k8s.io/",
    "coordination": "coordination.k8s.io/",
    "discovery": "discovery.k8s.io/",
    "events": "events.k8s.io/",
    "flowcontrol": "flowcontrol.apiserver.k8s.io/",
    "networking": "networking.k8s.io/",
    "node": "node.k8s.io/",
    "rbac": "rbac.authorization.k8s.io/",
    "resource": "resource.k8s.io/",
    "scheduling": "scheduling.k8s.io/",
    "storage": "storage.k8s.io/",
}


def type_name(module: str, name: str) -> str:
    """The type's name in upstream's OpenAPI document."""
    group, _, version = module.partition("_")
    package = PACKAGES.get(module, f"io.k8s.api.{group}.{version}")
    return f"{package}.{name}"


def kind_key(module: str, kind: str) -> str:
    """The kind with the apiVersion that documents carry, such as ``apps/v1/StatefulSet``."""
    group, version = module.split("_")
    return f"{GROUPS.get(group, f'{group}/')}{version}/{kind}"


class Collector:
    """Walks the models from the served kinds down and keeps each type that it meets once."""

    def __init__(self) -> None:
        self.types: dict[str, dict[str, str]] = {}

    def add(self, module: str, name: str) -> str:
        full = type_name(module, name)
        if full not in self.types:
            self.types[full] = {}
            model = getattr(importlib.import_module(f"lightkube.models.{module}"), name)
            self.types[full] = {json: self.field((module, name), json, text) for json, text in annotations(model)}
        return full

    def field(self, owner: tuple[str, str], json_name: str, annotation: str) -> str:
        module, owner_name = owner
        bare, optional = re.subn(r"^Optional\[(.*)\]$", r"\1", annotation)
        mark = "" if optional else "!"
        if values := MAP_VALUES_OF.get((owner_name, json_name)):
            return f"map:{self.add(module, values)}{mark}"
        if bare == "dict":
            return f"map:{MAP_VALUES.get(json_name, 'string')}{mark}"
        element = re.fullmatch(r"List\[(.*)\]", bare)
        container = "[]" if element else ""
        return f"{container}{self.named(module, json_name, element[1] if element else bare)}{mark}"

    def named(self, module: str, json_name: str, annotation: str) -> str:
        if annotation == "int" and json_name in LONG:
            return "int64"
        if annotation in SCALARS:
            return SCALARS[annotation]
        prefix, _, name = annotation.rpartition(".")
        return self.add(prefix or module, ALIASES.get(name, name))


def json_name(name: str) -> str:
    """``d_ref`` is ``$ref``, ``x_kubernetes_list_type`` is ``x-kubernetes-list-type``."""
    if name.startswith("d_"):
        return f"${name[2:]}"
    return name.replace("_", "-") if name.startswith("x_") else name.removesuffix("_")


def annotations(model: type) -> Iterator[tuple[str, str]]:
    """(name in JSON, annotation as text) of each field; none for an alias such as Time or Quantity.

    The models rename fields that are Python keywords; those of definitions are dataclasses, which rename what no Python
    name can be.
    """
    if dataclasses.is_dataclass(model):
        return ((json_name(field.name), str(field.type)) for field in dataclasses.fields(model))
    if not isinstance(model, type(msgspec.Struct)):
        return iter(())
    texts = model.__annotations__
    return zip(model.__struct_encode_fields__, (texts[name] for name in model.__struct_fields__), strict=True)


def main() -> None:
    collector = Collector()
    kinds = {
        kind_key(module, kind): collector.add(module, kind)
        for module, names in SERVED.items()
        for kind in names.split()
    }
    document = {"kinds": kinds, "types": collector.types}
    OUTPUT.write_text(json.dumps(document, indent=0, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
