"""The rules of each kind: one module or package for each kind, and their table."""

from fairlead.registry.kinds.admissionregistration import mutating_policy, validating_policy, webhook_configuration
from fairlead.registry.kinds.apiextensions import custom_resource_definition
from fairlead.registry.kinds.apiregistration import api_service
from fairlead.registry.kinds.apps import (
    daemon_set,
    deployment,
    replica_set,
    replication_controller,
    stateful_set,
    stored_template,
)
from fairlead.registry.kinds.autoscaling import horizontal_pod_autoscaler
from fairlead.registry.kinds.batch import cron_job, job
from fairlead.registry.kinds.certificates import certificate_signing_request
from fairlead.registry.kinds.core import (
    component_status,
    configuration,
    endpoints,
    event,
    limit_range,
    namespace,
    node,
    persistent_volume,
    persistent_volume_claim,
    pod,
    resource_quota,
    service,
)
from fairlead.registry.kinds.discovery import endpoint_slice
from fairlead.registry.kinds.flowcontrol import flow_schema, priority_level
from fairlead.registry.kinds.networking import ingress, ip_address, network_policy, service_cidr
from fairlead.registry.kinds.policy import pod_disruption_budget
from fairlead.registry.kinds.rbac import roles
from fairlead.registry.kinds.resource import claims, slices
from fairlead.registry.kinds.runtime import runtime_class
from fairlead.registry.kinds.scheduling import priority_class
from fairlead.registry.kinds.storage import capacity, csi, storage_class, volume_attributes
from fairlead.registry.strategy import Strategy

STRATEGIES: dict[str, Strategy] = {
    "APIService": api_service.STRATEGY,
    "CertificateSigningRequest": certificate_signing_request.STRATEGY,
    "ClusterRole": roles.ROLE,
    "ClusterRoleBinding": roles.BINDING,
    "ComponentStatus": component_status.STRATEGY,
    "ConfigMap": configuration.CONFIG_MAP,
    "CronJob": cron_job.STRATEGY,
    "CSIDriver": csi.DRIVER,
    "CSINode": csi.NODE,
    "CSIStorageCapacity": capacity.STRATEGY,
    "CustomResourceDefinition": custom_resource_definition.STRATEGY,
    "DaemonSet": daemon_set.STRATEGY,
    "Deployment": deployment.STRATEGY,
    "DeviceClass": claims.CLASS,
    "Endpoints": endpoints.STRATEGY,
    "EndpointSlice": endpoint_slice.STRATEGY,
    "Event": event.STRATEGY,
    "FlowSchema": flow_schema.STRATEGY,
    "HorizontalPodAutoscaler": horizontal_pod_autoscaler.STRATEGY,
    "Ingress": ingress.STRATEGY,
    "IngressClass": ingress.CLASS,
    "IPAddress": ip_address.STRATEGY,
    "Job": job.STRATEGY,
    "Lease": configuration.LEASE,
    "LimitRange": limit_range.STRATEGY,
    "MutatingAdmissionPolicy": mutating_policy.POLICY,
    "MutatingAdmissionPolicyBinding": mutating_policy.BINDING,
    "MutatingWebhookConfiguration": webhook_configuration.MUTATING,
    "Namespace": namespace.STRATEGY,
    "NetworkPolicy": network_policy.STRATEGY,
    "Node": node.STRATEGY,
    "PersistentVolume": persistent_volume.STRATEGY,
    "PersistentVolumeClaim": persistent_volume_claim.STRATEGY,
    "Pod": pod.STRATEGY,
    "PodDisruptionBudget": pod_disruption_budget.STRATEGY,
    "PodTemplate": stored_template.STRATEGY,
    "PriorityClass": priority_class.STRATEGY,
    "PriorityLevelConfiguration": priority_level.STRATEGY,
    "ReplicaSet": replica_set.STRATEGY,
    "ReplicationController": replication_controller.STRATEGY,
    "ResourceClaim": claims.CLAIM,
    "ResourceClaimTemplate": claims.TEMPLATE,
    "ResourceQuota": resource_quota.STRATEGY,
    "ResourceSlice": slices.STRATEGY,
    "Role": roles.ROLE,
    "RoleBinding": roles.BINDING,
    "RuntimeClass": runtime_class.STRATEGY,
    "Secret": configuration.SECRET,
    "Service": service.STRATEGY,
    "ServiceAccount": configuration.SERVICE_ACCOUNT,
    "ServiceCIDR": service_cidr.STRATEGY,
    "StatefulSet": stateful_set.STRATEGY,
    "StorageClass": storage_class.STRATEGY,
    "ValidatingAdmissionPolicy": validating_policy.POLICY,
    "ValidatingAdmissionPolicyBinding": validating_policy.BINDING,
    "ValidatingWebhookConfiguration": webhook_configuration.VALIDATING,
    "VolumeAttachment": csi.ATTACHMENT,
    "VolumeAttributesClass": volume_attributes.STRATEGY,
}
