"""The types of the fields that explanations read from whole documents, beyond what the slim objects of ``model`` have.

``documents`` reads a field of another type as absent, so that nothing breaks; this module reports such fields, so that
a reader knows what was ignored. Field meanings: Kubernetes API reference.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from fairlead.model.networking import ServiceCIDR

Texts = tuple[str, ...] | None
Pairs = Mapping[str, str] | None


class _Shape(msgspec.Struct, rename="camel", gc=False):
    """Base: every field can be absent or null, and unused fields can have any type."""


class _Owner(_Shape):
    name: str | None = None
    controller: bool | None = None


class _Metadata(_Shape):
    labels: Pairs = None
    annotations: Pairs = None
    owner_references: tuple[_Owner, ...] | None = None


class _Ask(_Shape):
    port: int | str | None = None


class _Probe(_Shape):
    http_get: _Ask | None = None
    tcp_socket: _Ask | None = None
    grpc: _Ask | None = None


class _KeyOfMap(_Shape):
    name: str | None = None
    key: str | None = None


class _ValueSource(_Shape):
    config_map_key_ref: _KeyOfMap | None = None


class _Variable(_Shape):
    name: str | None = None
    value: str | None = None
    value_from: _ValueSource | None = None


class _Variables(_Shape):
    config_map_ref: _KeyOfMap | None = None


class _Port(_Shape):
    container_port: int | None = None
    name: str | None = None
    protocol: str | None = None


class _Container(_Shape):
    name: str | None = None
    image: str | None = None
    command: Texts = None
    args: Texts = None
    env: tuple[_Variable, ...] | None = None
    env_from: tuple[_Variables, ...] | None = None
    ports: tuple[_Port, ...] | None = None
    readiness_probe: _Probe | None = None
    liveness_probe: _Probe | None = None
    startup_probe: _Probe | None = None


class _Option(_Shape):
    name: str | None = None
    value: str | None = None


class _DnsConfig(_Shape):
    nameservers: Texts = None
    searches: Texts = None
    options: tuple[_Option, ...] | None = None


class _Gate(_Shape):
    condition_type: str | None = None


class _PodSpec(_Shape):
    containers: tuple[_Container, ...] | None = None
    init_containers: tuple[_Container, ...] | None = None
    hostname: str | None = None
    subdomain: str | None = None
    host_network: bool | None = None
    dns_policy: str | None = None
    dns_config: _DnsConfig | None = None
    readiness_gates: tuple[_Gate, ...] | None = None


class _Ended(_Shape):
    reason: str | None = None
    message: str | None = None
    exit_code: int | None = None


class _State(_Shape):
    waiting: _Ended | None = None
    terminated: _Ended | None = None


class _ContainerStatus(_Shape):
    name: str | None = None
    state: _State | None = None
    last_state: _State | None = None


class _Condition(_Shape):
    type: str | None = None
    status: str | None = None
    reason: str | None = None
    message: str | None = None


class _PodStatus(_Shape):
    conditions: tuple[_Condition, ...] | None = None
    container_statuses: tuple[_ContainerStatus, ...] | None = None
    init_container_statuses: tuple[_ContainerStatus, ...] | None = None


class _Pod(_Shape):
    metadata: _Metadata
    spec: _PodSpec | None = None
    status: _PodStatus | None = None


class _Template(_Shape):
    metadata: _Metadata | None = None
    spec: _PodSpec | None = None


class _WorkloadSpec(_Shape):
    replicas: int | None = None
    service_name: str | None = None
    template: _Template | None = None


class _Workload(_Shape):
    metadata: _Metadata
    spec: _WorkloadSpec | None = None


class _Reference(_Shape):
    kind: str | None = None
    namespace: str | None = None
    name: str | None = None


class _Event(_Shape):
    metadata: _Metadata
    involved_object: _Reference | None = None
    regarding: _Reference | None = None
    reason: str | None = None
    message: str | None = None
    note: str | None = None
    type: str | None = None


class _ConfigMap(_Shape):
    metadata: _Metadata
    data: Pairs = None


SHAPES: Mapping[str, type[Any]] = {
    "Pod": _Pod,
    "Event": _Event,
    "ConfigMap": _ConfigMap,
    "ServiceCIDR": ServiceCIDR,
    **dict.fromkeys(
        ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "ReplicationController", "Job"), _Workload
    ),
}
