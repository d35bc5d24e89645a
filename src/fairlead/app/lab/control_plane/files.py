"""Keys and certificates of a control plane, at kubeadm's paths where kubeadm has one."""

from pathlib import Path
from typing import NamedTuple

from fairlead.drivers.identity.certificates import new_key, public_key
from fairlead.drivers.identity.pki import (
    API_SERVER,
    AUTHORITY,
    certificate_files,
    ensure_certificate,
    ensure_pki,
    write_private,
)

Pair = tuple[Path, Path]  # certificate and key


class ControlPlaneFiles(NamedTuple):
    """Paths of keys and certificates. etcd and the front proxy have separate authorities: a client that the cluster's
    authority admits must not bypass the API server.

    Attributes:
        pki: the folder of the cluster's authority.
        data: the folder of the lab's data.
    """

    pki: Path
    data: Path

    @property
    def authority(self) -> Path:
        return certificate_files(self.pki, AUTHORITY)[0]

    @property
    def authority_key(self) -> Path:
        return certificate_files(self.pki, AUTHORITY)[1]

    @property
    def server(self) -> Pair:
        return certificate_files(self.pki, "server")

    @property
    def kubelet_client(self) -> Pair:
        return certificate_files(self.pki, API_SERVER)

    @property
    def service_account_key(self) -> Path:
        return self.pki / "sa.key"

    @property
    def service_account_public_key(self) -> Path:
        return self.pki / "sa.pub"

    @property
    def etcd(self) -> Path:
        return self.pki / "etcd"

    @property
    def etcd_authority(self) -> Path:
        return certificate_files(self.etcd, AUTHORITY)[0]

    @property
    def etcd_server(self) -> Pair:
        return certificate_files(self.etcd, "server")

    @property
    def etcd_client(self) -> Pair:
        return certificate_files(self.etcd, "apiserver-etcd-client")

    @property
    def etcd_data(self) -> Path:
        return self.data / "etcd"

    @property
    def front_proxy(self) -> Path:
        return self.pki / "front-proxy"

    @property
    def front_proxy_authority(self) -> Path:
        return certificate_files(self.front_proxy, AUTHORITY)[0]

    @property
    def front_proxy_client(self) -> Pair:
        return certificate_files(self.front_proxy, "front-proxy-client")


def write_control_plane_files(files: ControlPlaneFiles) -> None:
    """Make what is missing beside the cluster's own authority and server, which are there."""
    ensure_pki(files.etcd, ("127.0.0.1", "localhost"))
    ensure_certificate(files.etcd, "apiserver-etcd-client", "kube-apiserver-etcd-client", ())
    ensure_pki(files.front_proxy, ("localhost",))
    ensure_certificate(files.front_proxy, "front-proxy-client", "front-proxy-client", ())
    if not files.service_account_key.exists():
        write_private(files.service_account_key, new_key())
    # kube-apiserver reads no public half from a private key of this form (PKCS 8).
    write_private(files.service_account_public_key, public_key(files.service_account_key.read_bytes()))
    files.etcd_data.mkdir(mode=0o700, exist_ok=True)
