"""Certificates and kubeconfigs of a lab.

Call this in a child process that ends afterwards: the libraries for certificates use many megabytes of memory.
"""

from fairlead.app.lab.control_plane.files import ControlPlaneFiles, write_control_plane_files
from fairlead.app.lab.plan import CertificateClient, LabPlan, agent_of, user_of
from fairlead.app.lab.settings import LabNode
from fairlead.drivers.identity.pki import API_SERVER, ensure_certificate, ensure_pki, write_kubeconfig
from fairlead.drivers.lab.running_labs import RunningLab


def write_credentials(plan: LabPlan, lab: RunningLab) -> None:
    """Everything that the lab needs before its components start, and the kubeconfig of who uses it."""
    ensure_pki(plan.pki, plan.api_hosts)
    ensure_certificate(plan.pki, API_SERVER, API_SERVER, ())
    if plan.settings.control_plane:
        write_control_plane_files(ControlPlaneFiles(plan.pki, plan.data_folder))
    for component, client in plan.clients.items():
        _write(plan, component, client)
    for node in plan.nodes:
        write_node_credentials(plan, node)
    write_kubeconfig(lab.kubeconfig, plan.pki, lab.server, *plan.clients["admin"])


def write_node_credentials(plan: LabPlan, node: LabNode) -> None:
    """Create the certificate of a node's agent if it is missing, and write its kubeconfig."""
    client = user_of(node)
    ensure_certificate(plan.pki, node.name, client.user, (node.name, *node.addresses))
    _write(plan, agent_of(node), client)


def _write(plan: LabPlan, component: str, client: CertificateClient) -> None:
    write_kubeconfig(plan.kubeconfig(component), plan.pki, plan.api_url, *client)
