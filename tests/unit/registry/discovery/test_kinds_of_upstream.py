"""Discovery lists the kinds of Kubernetes 1.36's stable versions, under the names that upstream gives them.

Source: the API reference of Kubernetes 1.36, and ``kubectl api-resources``. No beta version is on by default there
(KEP-3136). Whatever is listed can be created, unless it can only be read in upstream too.
"""

import pytest

from tests.support.api_world import ApiWorld

# group/version: plural Kind, with * for one that belongs to no namespace, and short names
UPSTREAM = """
v1: bindings Binding | componentstatuses ComponentStatus* cs | configmaps ConfigMap cm | endpoints Endpoints ep |
 events Event ev | limitranges LimitRange limits | namespaces Namespace* ns | nodes Node* no |
 persistentvolumeclaims PersistentVolumeClaim pvc | persistentvolumes PersistentVolume* pv | pods Pod po |
 podtemplates PodTemplate | replicationcontrollers ReplicationController rc | resourcequotas ResourceQuota quota |
 secrets Secret | serviceaccounts ServiceAccount sa | services Service svc
admissionregistration.k8s.io/v1: mutatingadmissionpolicies MutatingAdmissionPolicy* |
 mutatingadmissionpolicybindings MutatingAdmissionPolicyBinding* |
 mutatingwebhookconfigurations MutatingWebhookConfiguration* | validatingadmissionpolicies ValidatingAdmissionPolicy* |
 validatingadmissionpolicybindings ValidatingAdmissionPolicyBinding* |
 validatingwebhookconfigurations ValidatingWebhookConfiguration*
apiextensions.k8s.io/v1: customresourcedefinitions CustomResourceDefinition* crd,crds
apiregistration.k8s.io/v1: apiservices APIService*
apps/v1: controllerrevisions ControllerRevision | daemonsets DaemonSet ds | deployments Deployment deploy |
 replicasets ReplicaSet rs | statefulsets StatefulSet sts
authentication.k8s.io/v1: selfsubjectreviews SelfSubjectReview* | tokenreviews TokenReview*
authorization.k8s.io/v1: localsubjectaccessreviews LocalSubjectAccessReview |
 selfsubjectaccessreviews SelfSubjectAccessReview* | selfsubjectrulesreviews SelfSubjectRulesReview* |
 subjectaccessreviews SubjectAccessReview*
autoscaling/v1: horizontalpodautoscalers HorizontalPodAutoscaler hpa
autoscaling/v2: horizontalpodautoscalers HorizontalPodAutoscaler hpa
batch/v1: cronjobs CronJob cj | jobs Job
certificates.k8s.io/v1: certificatesigningrequests CertificateSigningRequest* csr
coordination.k8s.io/v1: leases Lease
discovery.k8s.io/v1: endpointslices EndpointSlice
events.k8s.io/v1: events Event ev
flowcontrol.apiserver.k8s.io/v1: flowschemas FlowSchema* | prioritylevelconfigurations PriorityLevelConfiguration*
networking.k8s.io/v1: ingressclasses IngressClass* | ingresses Ingress ing | ipaddresses IPAddress* ip |
 networkpolicies NetworkPolicy netpol | servicecidrs ServiceCIDR*
node.k8s.io/v1: runtimeclasses RuntimeClass*
policy/v1: poddisruptionbudgets PodDisruptionBudget pdb
rbac.authorization.k8s.io/v1: clusterrolebindings ClusterRoleBinding* | clusterroles ClusterRole* |
 rolebindings RoleBinding | roles Role
resource.k8s.io/v1: deviceclasses DeviceClass* | resourceclaims ResourceClaim |
 resourceclaimtemplates ResourceClaimTemplate | resourceslices ResourceSlice*
scheduling.k8s.io/v1: priorityclasses PriorityClass* pc
storage.k8s.io/v1: csidrivers CSIDriver* | csinodes CSINode* | csistoragecapacities CSIStorageCapacity |
 storageclasses StorageClass* sc | volumeattachments VolumeAttachment* |
 volumeattributesclasses VolumeAttributesClass* vac
"""


def expected():
    """group version -> plural -> (kind, whether in a namespace, short names)"""
    found = {}
    for line in UPSTREAM.strip().replace("\n ", " ").splitlines():
        version, _, rest = line.partition(": ")
        found[version] = {}
        for each in rest.split("|"):
            plural, kind, *short = each.split()
            names = short[0].split(",") if short else []
            found[version][plural] = (kind.rstrip("*"), not kind.endswith("*"), names)
    return found


@pytest.fixture(scope="module")
def world():
    return ApiWorld()


def path(version):
    return f"/apis/{version}" if "/" in version else f"/api/{version}"


def test_there_are_no_other_groups_and_versions(world):
    groups = world.do("GET", "/apis")["groups"]
    listed = {each["groupVersion"] for group in groups for each in group["versions"]}
    assert listed | {"v1"} == expected().keys()


@pytest.mark.parametrize("version", expected())
def test_the_kinds_of_a_version_are_upstreams(world, version):
    rows = world.do("GET", path(version))["resources"]
    listed = {
        row["name"]: (row["kind"], row["namespaced"], row.get("shortNames", []))
        for row in rows
        if "/" not in row["name"]
    }
    assert listed == expected()[version]


def test_what_is_listed_can_be_created(world):
    versions = [world.do("GET", path(version)) for version in expected()]
    rows = [row for version in versions for row in version["resources"] if "/" not in row["name"]]
    assert [row["name"] for row in rows if "create" not in row["verbs"]] == ["componentstatuses"]


def test_the_store_is_a_component_that_is_healthy(world):
    [status] = world.do("GET", "/api/v1/componentstatuses")["items"]
    assert status["metadata"]["name"] == "etcd-0"
    assert world.do("GET", "/api/v1/componentstatuses/etcd-0")["conditions"] == status["conditions"]
    assert status["conditions"] == [{"type": "Healthy", "status": "True", "message": "ok"}]
    assert world.do("GET", "/api/v1/componentstatuses?fieldSelector=metadata.name=x")["items"] == []
    assert world.refused("GET", "/api/v1/componentstatuses/x")["code"] == 404
    assert world.refused("POST", "/api/v1/componentstatuses", {"metadata": {"name": "x"}})["code"] == 405
