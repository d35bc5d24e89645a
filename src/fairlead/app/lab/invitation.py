"""An invitation: everything that another host needs to run one node of a lab. A JSON file, as secret as its keys.

Its holder can run that node; its issuer decides what runs there.
"""

from collections.abc import Iterable
from typing import Annotated, TypeVar

import msgspec

from fairlead import __version__
from fairlead.app.lab.node_memory import Added
from fairlead.app.lab.plan import PROXY, LabPlan, agent_of, user_of
from fairlead.app.lab.settings import LabNode, LabSettings
from fairlead.dataplane.vxlan import VNI_MAX
from fairlead.drivers.identity.pki import certificate_files, issue_certificate, write_kubeconfig_of, write_private
from fairlead.labnet.addresses import MAX_NODES
from fairlead.model.names import dns1123_label_errors
from fairlead.model.socket_address import SocketAddress

T = TypeVar("T")


class InvitationError(ValueError):
    """The file is not an invitation, or not one for this version; the message says why."""


class KeyPair(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A certificate and its key, PEM."""

    certificate: str
    key: str


class Invitation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One node of a lab, for one host.

    Attributes:
        version: version of Fairlead on the lab's first host.
        lab: name of the lab there.
        guest: the invited node.
        settings: settings of the lab, without nodes.
        vni: number of the lab's VXLAN segment.
        hub: address of the lab's first host.
        address: address at which that host expects this one.
        authority: the cluster's certificate, PEM.
        serving: serving certificate of the node's own API.
        agent, proxy: client certificates of these for the API server.
    """

    version: str
    lab: str
    guest: Added
    settings: LabSettings
    vni: Annotated[int, msgspec.Meta(ge=0, le=VNI_MAX)]
    hub: SocketAddress
    address: SocketAddress
    authority: str
    serving: KeyPair
    agent: KeyPair
    proxy: KeyPair

    @property
    def node(self) -> LabNode:
        """The guest, as the host has it that it runs on."""
        return self.guest.node(self.settings.ip_families)


def invitation_for(plan: LabPlan, node: LabNode) -> Invitation:
    """An invitation with certificates of its own. To be called in a child that ends afterwards, as all that makes some.

    Args:
        node: on another host.
    """
    assert plan.wire
    assert node.peer

    def issue(user: str, groups: Iterable[str] = (), hosts: Iterable[str] = ()) -> KeyPair:
        return KeyPair(*(pem.decode() for pem in issue_certificate(plan.pki, user, tuple(groups), hosts)))

    name, groups = user_of(node)
    return Invitation(
        version=__version__,
        lab=plan.name,
        guest=Added(node.index, node.name, dict(node.labels)),
        settings=msgspec.structs.replace(plan.settings, nodes=()),
        vni=plan.wire.vni,
        hub=plan.wire.address,
        address=node.peer,
        authority=(plan.pki / "ca.crt").read_text(),
        serving=issue(name, (), (node.name, *node.addresses)),
        agent=issue(name, groups),
        proxy=issue(*plan.clients[PROXY]),
    )


def encode_invitation(invitation: Invitation) -> bytes:
    """The file that it is handed over as."""
    return msgspec.json.format(msgspec.json.encode(invitation), indent=2) + b"\n"


def read_invitation(text: bytes) -> Invitation:
    """The invitation in a file, checked.

    Raises:
        InvitationError: it cannot be used.
    """
    version = _decode(text, _Versioned).version
    if version != __version__:
        raise InvitationError(
            f"it was made by Fairlead {version}, and this is {__version__}: use the same version on both hosts"
        )
    invitation = _decode(text, Invitation)
    guest = invitation.guest
    if errors := dns1123_label_errors(guest.name):
        raise InvitationError(f"guest.name: {errors[0]}")
    if not 0 < guest.index <= MAX_NODES or invitation.settings.nodes:
        raise InvitationError("it is not for one node of a lab")
    return invitation


class _Versioned(msgspec.Struct):
    version: str


def _decode(text: bytes, wanted: type[T]) -> T:
    try:
        return msgspec.json.decode(text, type=wanted)
    except ValueError as error:  # msgspec's own, or text that is not UTF-8
        raise InvitationError(str(error)) from error


def unpack(invitation: Invitation, plan: LabPlan) -> None:
    """Put what it holds where a lab has its keys and kubeconfigs."""
    plan.pki.mkdir(mode=0o700, parents=True, exist_ok=True)
    authority = invitation.authority.encode()
    write_private(plan.pki / "ca.crt", authority)
    for path, pem in zip(certificate_files(plan.pki, invitation.node.name), _pems(invitation.serving), strict=True):
        write_private(path, pem)
    agent = agent_of(invitation.node), user_of(invitation.node).user, invitation.agent
    for component, user, pair in (agent, (PROXY, plan.clients[PROXY].user, invitation.proxy)):
        write_kubeconfig_of(plan.kubeconfig(component), authority, plan.api_url, user, _pems(pair))


def _pems(pair: KeyPair) -> tuple[bytes, bytes]:
    return pair.certificate.encode(), pair.key.encode()
