"""The flags of a control plane's programs: those that kubeadm sets, for one machine and one lab's addresses.

Uses only flags in the published references of Kubernetes 1.33 to 1.36 and of etcd 3.4 to 3.6. All programs run in the
network namespace of the lab's switch, so only they use its loopback. Upstream:
``cmd/kubeadm/app/phases/controlplane/manifests.go``, ``cmd/kubeadm/app/phases/etcd``.
"""

import math
from collections.abc import Callable, Mapping
from pathlib import Path

from fairlead.app.lab.control_plane.files import ControlPlaneFiles
from fairlead.app.lab.control_plane.programs import API_SERVER, CONTROLLER_MANAGER, ETCD, SCHEDULER
from fairlead.app.lab.plan import API_PORT, LabPlan

LOOPBACK = "127.0.0.1"
ETCD_URL, ETCD_PEER_URL = f"https://{LOOPBACK}:2379", f"http://{LOOPBACK}:2380"
ISSUER = "https://kubernetes.default.svc.cluster.local"
NODE_PORTS = "30000-32767"

Flags = Mapping[str, str | Path]


def command_of(program: str, path: Path, plan: LabPlan) -> list[str]:
    """The command line that starts one of the programs."""
    flags = _FLAGS[program](plan, ControlPlaneFiles(plan.pki, plan.data_folder))
    return [str(path), *(f"--{name}={value}" for name, value in flags.items())]


def _etcd(plan: LabPlan, files: ControlPlaneFiles) -> Flags:
    certificate, key = files.etcd_server
    return {
        "name": "lab",
        "data-dir": files.etcd_data,
        "listen-client-urls": ETCD_URL,
        "advertise-client-urls": ETCD_URL,
        "listen-peer-urls": ETCD_PEER_URL,
        "initial-advertise-peer-urls": ETCD_PEER_URL,
        "initial-cluster": f"lab={ETCD_PEER_URL}",
        "cert-file": certificate,
        "key-file": key,
        "client-cert-auth": "true",
        "trusted-ca-file": files.etcd_authority,
        "enable-grpc-gateway": "false",  # it would come as a client with the server's certificate
    }


def _api_server(plan: LabPlan, files: ControlPlaneFiles) -> Flags:
    address = plan.networks[0].switch
    toleration = str(math.ceil(plan.settings.timers.eviction))
    return {
        "advertise-address": address,
        "bind-address": address,
        "secure-port": str(API_PORT),
        "allow-privileged": "true",
        "authorization-mode": "Node,RBAC",
        "enable-admission-plugins": "NodeRestriction",
        "enable-bootstrap-token-auth": "true",
        "enable-aggregator-routing": "true",  # there are no virtual IPs where it runs
        "client-ca-file": files.authority,
        "tls-cert-file": files.server[0],
        "tls-private-key-file": files.server[1],
        "etcd-servers": ETCD_URL,
        "etcd-cafile": files.etcd_authority,
        "etcd-certfile": files.etcd_client[0],
        "etcd-keyfile": files.etcd_client[1],
        "kubelet-certificate-authority": files.authority,
        "kubelet-client-certificate": files.kubelet_client[0],
        "kubelet-client-key": files.kubelet_client[1],
        "kubelet-preferred-address-types": "InternalIP,Hostname",
        "proxy-client-cert-file": files.front_proxy_client[0],
        "proxy-client-key-file": files.front_proxy_client[1],
        "requestheader-allowed-names": "front-proxy-client",
        "requestheader-client-ca-file": files.front_proxy_authority,
        "requestheader-extra-headers-prefix": "X-Remote-Extra-",
        "requestheader-group-headers": "X-Remote-Group",
        "requestheader-username-headers": "X-Remote-User",
        "service-account-issuer": ISSUER,
        "service-account-key-file": files.service_account_public_key,
        "service-account-signing-key-file": files.service_account_key,
        "service-cluster-ip-range": _services(plan),
        "service-node-port-range": NODE_PORTS,
        "default-not-ready-toleration-seconds": toleration,
        "default-unreachable-toleration-seconds": toleration,
    }


def _controller_manager(plan: LabPlan, files: ControlPlaneFiles) -> Flags:
    return {
        **_client(plan.kubeconfig(CONTROLLER_MANAGER)),
        "allocate-node-cidrs": "false",  # each node of a lab has its range
        "client-ca-file": files.authority,
        "cluster-name": "kubernetes",
        "cluster-signing-cert-file": files.authority,
        "cluster-signing-key-file": files.authority_key,
        "controllers": "*,bootstrapsigner,tokencleaner",
        "node-monitor-grace-period": f"{plan.settings.timers.node_grace:g}s",
        "requestheader-client-ca-file": files.front_proxy_authority,
        "root-ca-file": files.authority,
        "service-account-private-key-file": files.service_account_key,
        "service-cluster-ip-range": _services(plan),
        "use-service-account-credentials": "true",
    }


def _scheduler(plan: LabPlan, files: ControlPlaneFiles) -> Flags:
    return _client(plan.kubeconfig(SCHEDULER))


def _client(kubeconfig: Path) -> Flags:
    """Flags of both clients of the API server; each is the only replica."""
    return {
        "kubeconfig": kubeconfig,
        "authentication-kubeconfig": kubeconfig,
        "authorization-kubeconfig": kubeconfig,
        "bind-address": LOOPBACK,
        "leader-elect": "false",
    }


def _services(plan: LabPlan) -> str:
    return ",".join(network.services for network in plan.networks)


_FLAGS: Mapping[str, Callable[[LabPlan, ControlPlaneFiles], Flags]] = {
    ETCD: _etcd,
    API_SERVER: _api_server,
    CONTROLLER_MANAGER: _controller_manager,
    SCHEDULER: _scheduler,
}
