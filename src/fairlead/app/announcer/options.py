"""How an announcer is run, by flags and by its configuration file (``fairlead announcer --config FILE``).

Docs: docs/load-balancers.md.
"""

from dataclasses import dataclass, replace
from ipaddress import ip_network
from pathlib import Path

import msgspec

from fairlead.bgp.settings import BgpSettings, check
from fairlead.drivers.kube.watch_pages import Address
from fairlead.model.yaml_loader import yaml_document


@dataclass(frozen=True)
class AnnouncerOptions:
    """How to run an announcer.

    Attributes:
        node_name: the Node that this is.
        pools: CIDRs of the addresses that it announces; other addresses belong to other announcers.
        interface: the nodes' link; None: the one that has the Node's InternalIP.
        kubeconfig: path; None looks where kubectl looks.
        http: address and port of ``/healthz``, ``/readyz`` and ``/metrics``; None for none.
        authorize_metrics: they are for those alone that the API server lets see them.
        answers_on_link: whether to answer for addresses on the nodes' link.
        bgp: the routers for announcements by BGP; None: no BGP.
    """

    node_name: str
    pools: tuple[str, ...]
    interface: str | None = None
    kubeconfig: str | None = None
    http: Address | None = None
    answers_on_link: bool = True
    bgp: BgpSettings | None = None
    authorize_metrics: bool = False


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """The file, field by field.

    Attributes:
        load_balancer_pools: CIDRs of the addresses that may be announced, beside those of ``--load-balancer-pool``.
        interface: the nodes' link; the one that has the Node's InternalIP if not given.
        layer2: whether to answer by ARP and ND; if not given, only where there is no ``bgp``.
    """

    load_balancer_pools: tuple[str, ...] = ()
    interface: str | None = None
    layer2: bool | None = None
    bgp: BgpSettings | None = None


def read_options(options: AnnouncerOptions, path: Path) -> AnnouncerOptions:
    """The options with those of a YAML file; its pools are added.

    Raises:
        ValueError: the file cannot be read, or a field is wrong; the message names both.
    """
    try:
        document = msgspec.convert(yaml_document(path.read_text()) or {}, _Document)
        if document.bgp:
            _check_bgp(document.bgp)
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from error
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$.")
        raise ValueError(f"{path}: {where.rstrip('`')}{': ' if where else ''}{what}") from error
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return replace(
        options,
        pools=(*options.pools, *document.load_balancer_pools),
        interface=options.interface or document.interface,
        answers_on_link=document.bgp is None if document.layer2 is None else document.layer2,
        bgp=document.bgp,
    )


def _check_bgp(settings: BgpSettings) -> None:
    try:
        check(settings)
    except ValueError as error:
        raise ValueError(f"bgp.{error}") from error


def check_options(options: AnnouncerOptions) -> None:
    """Check what flags and file say together.

    Raises:
        ValueError: something is wrong or missing.
    """
    if not options.pools:
        raise ValueError("no addresses to announce: name them by --load-balancer-pool, or loadBalancerPools in a file")
    for cidr in options.pools:
        try:
            ip_network(cidr)
        except ValueError as error:
            raise ValueError(f"pool {cidr!r}: {error}") from error
    if not options.answers_on_link and options.bgp is None:
        raise ValueError("layer2: false leaves no way to announce anything: there is no bgp")
