"""Documents of every kind that the API server stores, as users write them: plain ones and ones that say a lot.

Pod specs are tried in Pods and in each kind that has a Pod template; everything else stands by itself.
"""

from base64 import b64encode
from copy import deepcopy

from fairlead.registry.schemas.canonical import _plan
from fairlead.registry.schemas.catalogue import Cardinality, fields_of

WEB = {"name": "web", "image": "example/web:1"}
PROBES = {
    "http": {"httpGet": {"port": 80}},
    "https": {"httpGet": {"port": "http", "scheme": "HTTPS", "path": "/ready"}, "periodSeconds": 3},
    "tcp": {"tcpSocket": {"port": 80}, "initialDelaySeconds": 5},
    "grpc": {"grpc": {"port": 80}},
    "exec": {"exec": {"command": ["true"]}, "failureThreshold": 1},
}


def _with(**fields):
    return {"containers": [WEB | fields]}


def _volume(**source):
    return {"containers": [WEB], "volumes": [{"name": "v", **source}]}


POD_SPECS = {
    "plain": _with(),
    "two containers": {"containers": [WEB, {"name": "side", "image": "example/side"}]},
    "init": {**_with(), "initContainers": [{"name": "first", "image": "example/first"}]},
    "sidecar": {**_with(), "initContainers": [{"name": "s", "image": "s", "restartPolicy": "Always"}]},
    "command": _with(command=["sh", "-c"], args=["echo hi"], workingDir="/tmp"),
    "environment": _with(env=[{"name": "A"}, {"name": "B", "value": "b"}]),
    "environment from fields": _with(
        env=[
            {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            {"name": "CPU", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}},
            {"name": "KEY", "valueFrom": {"configMapKeyRef": {"name": "m", "key": "k", "optional": False}}},
        ]
    ),
    "environment from maps": _with(envFrom=[{"configMapRef": {"name": "m"}}, {"prefix": "P_", "secretRef": {}}]),
    "ports": _with(ports=[{"containerPort": 80}, {"containerPort": 53, "protocol": "UDP", "name": "dns"}]),
    "host ports": {**_with(ports=[{"containerPort": 80}]), "hostNetwork": True},
    "whole CPUs": _with(resources={"requests": {"cpu": "1000m", "memory": "0.5Gi"}}),
    "bare numbers": _with(resources={"limits": {"cpu": 1, "memory": 1073741824}}),
    "exponents": _with(resources={"limits": {"memory": "1e6"}, "requests": {"memory": "1500e2"}}),
    "fractions": _with(resources={"limits": {"cpu": "0.1", "memory": "1.5Gi"}}),
    **{f"{name} probe": _with(livenessProbe=probe, readinessProbe=probe) for name, probe in PROBES.items()},
    "hooks": _with(lifecycle={"preStop": {"httpGet": {"port": 80}}, "postStart": {"exec": {"command": ["true"]}}}),
    "security": {**_with(securityContext={"runAsUser": 0, "privileged": False}), "securityContext": {"fsGroup": 0}},
    "emptyDir": _volume(emptyDir={"sizeLimit": "1024Mi"}),
    "no source": _volume(),
    "config map": _volume(configMap={"name": "m", "items": [{"key": "a", "path": "b"}]}),
    "secret": _volume(secret={"secretName": "s", "optional": True}),
    "hostPath": _volume(hostPath={"path": "/tmp"}),
    "downward": _volume(downwardAPI={"items": [{"path": "l", "fieldRef": {"fieldPath": "metadata.labels"}}]}),
    "projected": _volume(projected={"sources": [{"serviceAccountToken": {"path": "t"}}, {"configMap": {"name": "m"}}]}),
    "claim": _volume(persistentVolumeClaim={"claimName": "c", "readOnly": False}),
    "ephemeral": _volume(
        ephemeral={"volumeClaimTemplate": {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {}}}}
    ),
    "nfs": _volume(nfs={"server": "s", "path": "/"}),
    "iscsi": _volume(iscsi={"targetPortal": "10.0.0.1", "iqn": "iqn.a:b", "lun": 0}),
    "mounts": {**_volume(emptyDir={}), "containers": [WEB | {"volumeMounts": [{"name": "v", "mountPath": "/v"}]}]},
    "tolerations": {**_with(), "tolerations": [{"operator": "Exists"}]},
    "affinity": {
        **_with(),
        "affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "zone"}]}},
    },
    "spread": {
        **_with(),
        "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "z", "whenUnsatisfiable": "DoNotSchedule"}],
    },
    "names": {
        **_with(),
        "hostname": "h",
        "subdomain": "s",
        "nodeSelector": {"a": "b"},
        "serviceAccountName": "default",
    },
    "account of old": {**_with(), "serviceAccount": "default"},
    "aliases": {**_with(), "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["a"]}], "dnsConfig": {"searches": ["a.b"]}},
    "dns": {**_with(), "dnsPolicy": "None", "dnsConfig": {"nameservers": ["10.0.0.1"], "options": [{"name": "ndots"}]}},
    "said": {**_with(), "hostNetwork": False, "enableServiceLinks": False, "shareProcessNamespace": False},
    "secrets for images": {**_with(), "imagePullSecrets": [{"name": "s"}]},
}
_LABELS = {"app": "web"}


def _template(spec, policy=""):
    return {"metadata": {"labels": dict(_LABELS)}, "spec": spec | ({"restartPolicy": policy} if policy else {})}


def _selected(spec):
    return {"selector": {"matchLabels": dict(_LABELS)}, "template": _template(spec)}


def _scheduled(job, **more):
    return {"schedule": "*/5 * * * *", "jobTemplate": {"spec": job}, **more}


# Kind -> the document's fields around a Pod spec.
AROUND = {
    "Pod": lambda spec: {"spec": spec},
    "Deployment": lambda spec: {"spec": _selected(spec)},
    "ReplicaSet": lambda spec: {"spec": _selected(spec)},
    "StatefulSet": lambda spec: {"spec": _selected(spec)},
    "DaemonSet": lambda spec: {"spec": _selected(spec)},
    "ReplicationController": lambda spec: {"spec": {"template": _template(spec)}},
    "Job": lambda spec: {"spec": {"template": _template(spec, "Never")}},
    "CronJob": lambda spec: {"spec": _scheduled({"template": _template(spec, "Never")})},
    "PodTemplate": lambda spec: {"template": _template(spec)},
}
_PORTS = [{"port": 80}]
_HTTP = {"service": {"name": "web", "port": {"number": 80}}}
_CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1024Mi"}}}
_RULE = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}
_ROLE = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"}
_TARGET = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}
_REQUEST = b64encode(b"-----BEGIN CERTIFICATE REQUEST-----\n").decode()
_MUTATION = {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": "Object{}"}}
_MATCH = {
    "resourceRules": [{"operations": ["*"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}],
}
_WEBHOOK = {
    "name": "a.b.c",
    "admissionReviewVersions": ["v1"],
    "sideEffects": "None",
    "clientConfig": {"service": {"name": "s", "namespace": "n"}},
    "rules": [{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}],
}
_USER = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "u"}
_FLOW_RULE = {
    "subjects": [{"kind": "Group", "group": {"name": "g"}}],
    "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "namespaces": ["*"]}],
}
_REQUESTS = [
    {"name": "a", "exactly": {"deviceClassName": "gpu"}},
    {"name": "b", "firstAvailable": [{"name": "c", "deviceClassName": "gpu", "allocationMode": "All"}]},
]
_DEVICES = {"devices": {"requests": _REQUESTS}}
_POOL = {"name": "p", "generation": 1, "resourceSliceCount": 1}
_DEVICE = {"name": "gpu-0", "attributes": {"model": {"string": "a"}}, "capacity": {"memory": {"value": "1024Mi"}}}
ALONE = {
    "ConfigMap": [{}, {"data": {"a": "b"}}, {"data": {}, "binaryData": {"c": "AAAA"}}, {"immutable": False}],
    "Secret": [{}, {"stringData": {"a": "b"}}, {"type": "kubernetes.io/basic-auth", "data": {"username": "YQ=="}}],
    "ServiceAccount": [{}, {"automountServiceAccountToken": False}, {"imagePullSecrets": [{"name": "s"}]}],
    "Namespace": [{}, {"metadata": {"labels": {"a": "b"}}}],
    "Node": [{}, {"spec": {"podCIDR": "10.1.0.0/24", "podCIDRs": ["10.1.0.0/24"]}}, {"spec": {"unschedulable": True}}],
    "Endpoints": [{}, {"subsets": [{"addresses": [{"ip": "192.0.2.1"}], "ports": [{"port": 80}]}]}],
    "EndpointSlice": [
        {"addressType": "IPv4", "endpoints": [], "ports": []},
        {"addressType": "IPv4", "endpoints": [{"addresses": ["192.0.2.1"]}], "ports": [{"port": 80, "name": "http"}]},
        {"addressType": "FQDN", "endpoints": [{"addresses": ["a.example"], "conditions": {"ready": False}}]},
    ],
    "Event": [
        {"involvedObject": {"kind": "Pod", "name": "p", "namespace": "default"}, "reason": "R", "message": "m"},
        {"involvedObject": {"kind": "Node", "name": "n"}, "count": 1, "type": "Warning", "reason": "R"},
    ],
    "Service": [
        {"spec": {"ports": _PORTS}},
        {"spec": {"ports": _PORTS, "clusterIP": "None", "selector": {"a": "b"}, "publishNotReadyAddresses": False}},
        {"spec": {"ports": [{"port": 80, "targetPort": "http", "name": "a"}], "type": "NodePort"}},
        {"spec": {"ports": _PORTS, "type": "LoadBalancer", "allocateLoadBalancerNodePorts": False}},
        {"spec": {"type": "ExternalName", "externalName": "example.com"}},
        {"spec": {"ports": _PORTS, "sessionAffinity": "ClientIP", "externalIPs": []}},
    ],
    "PersistentVolumeClaim": [{"spec": _CLAIM}, {"spec": _CLAIM | {"storageClassName": "", "volumeMode": "Block"}}],
    "PersistentVolume": [
        {"spec": {"capacity": {"storage": "0.5Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/v"}}},
        {
            "spec": {
                "capacity": {"storage": 1024},
                "accessModes": ["ReadWriteMany"],
                "nfs": {"server": "s", "path": "/"},
            }
        },
    ],
    "ControllerRevision": [{"revision": 1, "data": {"any": {"thing": 0}}}],
    "Lease": [{}, {"spec": {"holderIdentity": "me", "leaseDurationSeconds": 15, "leaseTransitions": 0}}],
    "Ingress": [
        {"spec": {"defaultBackend": _HTTP}},
        {
            "spec": {
                "rules": [{"host": "a.b", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": _HTTP}]}}]
            }
        },
    ],
    "IngressClass": [{"spec": {"controller": "example.com/c"}}],
    "NetworkPolicy": [
        {"spec": {}},
        {"spec": {"podSelector": {}, "egress": [{"ports": [{"port": 53}]}], "ingress": []}},
    ],
    "PodDisruptionBudget": [{"spec": {"minAvailable": 1}}, {"spec": {"maxUnavailable": "50%", "selector": {}}}],
    "Role": [{"rules": [_RULE]}, {}],
    "ClusterRole": [{"rules": [_RULE | {"resourceNames": []}]}, {"aggregationRule": {"clusterRoleSelectors": [{}]}}],
    "RoleBinding": [{"roleRef": _ROLE, "subjects": [_USER]}, {"roleRef": _ROLE, "subjects": []}],
    "ClusterRoleBinding": [{"roleRef": _ROLE | {"kind": "ClusterRole"}, "subjects": [_USER]}],
    "ServiceCIDR": [{"spec": {"cidrs": ["10.200.0.0/24"]}}],
    "LimitRange": [
        {"spec": {"limits": [{"type": "Container", "max": {"cpu": "2000m"}, "min": {"memory": "64Mi"}}]}},
        {"spec": {"limits": [{"type": "Pod", "max": {"memory": "1024Mi"}}]}},
    ],
    "ResourceQuota": [{"spec": {"hard": {"pods": 10, "requests.cpu": "4000m"}}}, {"spec": {}}],
    "PriorityClass": [{"value": 5}, {"value": 0, "preemptionPolicy": "Never", "globalDefault": False}],
    "RuntimeClass": [{"handler": "runc"}, {"handler": "r", "overhead": {"podFixed": {"cpu": "0.25"}}}],
    "HorizontalPodAutoscaler": [
        {"spec": {"maxReplicas": 3, "scaleTargetRef": _TARGET}},
        {"spec": {"maxReplicas": 3, "minReplicas": 2, "scaleTargetRef": _TARGET, "behavior": {"scaleDown": {}}}},
    ],
    "CSIDriver": [{"spec": {}}, {"spec": {"attachRequired": False, "tokenRequests": [{"audience": "a"}]}}],
    "CSINode": [{"spec": {"drivers": []}}, {"spec": {"drivers": [{"name": "d", "nodeID": "n"}]}}],
    "CSIStorageCapacity": [
        {"storageClassName": "fast"},
        {"storageClassName": "fast", "capacity": "1024Mi", "nodeTopology": {"matchLabels": {"a": "b"}}},
    ],
    "DeviceClass": [{"spec": {}}, {"spec": {"selectors": [{"cel": {"expression": "device.driver == 'd'"}}]}}],
    "FlowSchema": [
        {"spec": {"priorityLevelConfiguration": {"name": "catch-all"}}},
        {"spec": {"priorityLevelConfiguration": {"name": "low"}, "matchingPrecedence": 5, "rules": [_FLOW_RULE]}},
    ],
    "PriorityLevelConfiguration": [
        {"spec": {"type": "Limited", "limited": {"limitResponse": {"type": "Reject"}}}},
        {"spec": {"type": "Limited", "limited": {"limitResponse": {"type": "Queue", "queuing": {"queues": 8}}}}},
    ],
    "ResourceClaim": [{"spec": {}}, {"spec": _DEVICES}],
    "ResourceClaimTemplate": [{"spec": {"spec": _DEVICES}}],
    "ResourceSlice": [
        {"spec": {"driver": "d", "pool": _POOL, "allNodes": True}},
        {"spec": {"driver": "d", "pool": _POOL, "nodeName": "n", "devices": [_DEVICE]}},
    ],
    "VolumeAttributesClass": [{"driverName": "d.example.com", "parameters": {"iops": "100"}}],
    "VolumeAttachment": [{"spec": {"attacher": "a", "nodeName": "n", "source": {"persistentVolumeName": "v"}}}],
    "MutatingWebhookConfiguration": [{}, {"webhooks": [_WEBHOOK]}],
    "ValidatingWebhookConfiguration": [{}, {"webhooks": [_WEBHOOK]}],
    "ValidatingAdmissionPolicy": [
        {"spec": {"matchConstraints": _MATCH, "validations": [{"expression": "true"}]}},
        {
            "spec": {
                "failurePolicy": "Ignore",
                "matchConstraints": {**_MATCH, "matchPolicy": "Exact", "objectSelector": {"matchLabels": {"a": "b"}}},
                "validations": [{"expression": "object != null", "reason": "Forbidden"}],
                "variables": [{"name": "v", "expression": "1"}],
            }
        },
    ],
    "ValidatingAdmissionPolicyBinding": [
        {"spec": {"policyName": "p", "validationActions": ["Deny"]}},
        {"spec": {"policyName": "p", "validationActions": ["Warn"], "matchResources": _MATCH}},
    ],
    "MutatingAdmissionPolicy": [
        {"spec": {"matchConstraints": _MATCH, "reinvocationPolicy": "Never", "mutations": [_MUTATION]}},
        {
            "spec": {
                "failurePolicy": "Ignore",
                "matchConstraints": _MATCH,
                "reinvocationPolicy": "IfNeeded",
                "variables": [{"name": "v", "expression": "1"}],
                "mutations": [_MUTATION],
            }
        },
    ],
    "MutatingAdmissionPolicyBinding": [
        {"spec": {"policyName": "p"}},
        {"spec": {"policyName": "p", "matchResources": _MATCH}},
    ],
    "CertificateSigningRequest": [{"spec": {"request": _REQUEST, "signerName": "a.b/c", "usages": ["client auth"]}}],
    "CronJob": [
        {"spec": _scheduled({"template": _template(_with(), "OnFailure")}, suspend=False, timeZone="Europe/Berlin")},
        {"spec": _scheduled({"template": _template(_with(), "Never")}, failedJobsHistoryLimit=0)},
    ],
    "StorageClass": [{"provisioner": "example.com/p"}, {"provisioner": "p", "allowVolumeExpansion": False}],
    "Deployment": [
        {"spec": _selected(_with()) | extra}
        for extra in (
            {"replicas": 0, "paused": False, "minReadySeconds": 0},
            {"strategy": {"type": "Recreate"}},
            {"strategy": {"rollingUpdate": {"maxSurge": 0}}},
            {"strategy": {}, "revisionHistoryLimit": 0},
        )
    ],
    "StatefulSet": [
        {"spec": _selected(_with()) | extra}
        for extra in (
            {"volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": _CLAIM}], "serviceName": "s"},
            {"updateStrategy": {"type": "OnDelete"}, "podManagementPolicy": "Parallel"},
            {"ordinals": {"start": 0}, "persistentVolumeClaimRetentionPolicy": {"whenScaled": "Delete"}},
        )
    ],
    "DaemonSet": [{"spec": _selected(_with()) | {"updateStrategy": {"type": "OnDelete"}}}],
    "Job": [
        {"spec": {"template": _template(_with(), "Never")} | extra}
        for extra in (
            {"completions": 2, "completionMode": "Indexed", "backoffLimitPerIndex": 1},
            {"podFailurePolicy": {"rules": [{"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]}]}},
            {"suspend": True, "ttlSecondsAfterFinished": 0, "parallelism": 0},
        )
    ],
}


def corpus():
    """(what it is, kind, document) of each."""
    found = [
        (f"{kind}: {text}", kind, around(spec)) for kind, around in AROUND.items() for text, spec in POD_SPECS.items()
    ]
    found += [(f"{kind} {number}", kind, each) for kind, all_ in ALONE.items() for number, each in enumerate(all_)]
    return [(text, kind, deepcopy(document)) for text, kind, document in found]


def spelled_out(type_name, document):
    """The same document with every optional field that Go would leave out, each with its empty value."""
    fields = fields_of(type_name)
    result = {name: _spelled(fields[name], value) for name, value in document.items() if name in fields}
    for name in _plan(type_name).optional - document.keys() - {"metadata", "status"}:
        result[name] = _empty(fields[name])
    return result


def _spelled(field, value):
    if not fields_of(field.name):
        return value
    match field.container:
        case Cardinality.LIST:
            return [spelled_out(field.name, item) for item in value]
        case Cardinality.MAP:
            return {key: spelled_out(field.name, item) for key, item in value.items()}
        case _:
            return spelled_out(field.name, value)


def _empty(field):
    if field.container is not Cardinality.NONE:
        return [] if field.container is Cardinality.LIST else {}
    return {"string": "", "boolean": False}.get(field.name, 0)
