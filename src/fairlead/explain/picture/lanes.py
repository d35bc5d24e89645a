"""The content of a map: for each Service a lane, from its names and addresses to its Pods."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from fairlead.explain.about.answering import at
from fairlead.explain.about.endpoints import is_as_written
from fairlead.explain.about.services import kind_of
from fairlead.explain.cluster import Cluster
from fairlead.explain.picture.scene import CardItem, CardState
from fairlead.explain.picture.words import Words
from fairlead.model.names import ObjectKey
from fairlead.model.objects import Endpoint, EndpointSlice, Node, Pod, Service


class LaneMembers(NamedTuple):
    """A slice and its endpoints; Pods that no slice lists are below the Service's own item."""

    slice: CardItem
    pods: tuple[CardItem, ...]


class Lane(NamedTuple):
    """A Service with its members; without a Service, the Pods that belong to none.

    Attributes:
        reach: names and addresses. text: searchable text. kind: the type of the Service, in English.
    """

    id: str
    service: CardItem
    reach: tuple[CardItem, ...]
    members: tuple[LaneMembers, ...]
    text: str
    is_service: bool = True
    kind: str = ""

    @property
    def pods(self) -> set[str]:
        """Its Pods, by subject: a Pod can belong to several Services."""
        return {pod.subject for each in self.members for pod in each.pods}


class ZoneLane(NamedTuple):
    """Nodes of one zone; "" for those without a zone."""

    name: str
    nodes: tuple[CardItem, ...]


class Space(NamedTuple):
    """A Namespace."""

    name: str
    lanes: tuple[Lane, ...]


class Contents(NamedTuple):
    """The content of a map."""

    zones: tuple[ZoneLane, ...]
    outside: CardItem
    spaces: tuple[Space, ...]
    ready_nodes: int
    nodes: int


class Filter(NamedTuple):
    """A filter: words that must all be found, a type of Service, or only unhealthy items."""

    text: str = ""
    type: str = ""
    only_troubled: bool = False

    def lets(self, lane: Lane) -> bool:
        if self.only_troubled and lane.service.state in (CardState.READY, CardState.PLAIN):
            return False
        if self.type and (not lane.is_service or self.type.lower() not in lane.kind.lower()):
            return False
        return all(word in lane.text for word in self.text.lower().split())


def contents_of(cluster: Cluster, word: Words, wanted: Filter = Filter()) -> Contents:  # noqa: B008 - immutable
    """The content, in order of namespace and name."""
    by_space: dict[str, list[Lane]] = {}
    for key in sorted(cluster.snapshot.services):
        lane = _lane(cluster, cluster.snapshot.services[key], word)
        if wanted.lets(lane):
            by_space.setdefault(key.namespace, []).append(lane)
    for lane in _clients(cluster, word):
        if wanted.lets(lane):
            by_space.setdefault(lane.id.split("/")[1], []).append(lane)
    spaces = tuple(Space(name, tuple(lanes)) for name, lanes in sorted(by_space.items()))
    nodes = sorted(cluster.snapshot.nodes.values(), key=lambda node: node.name)
    outside = CardItem(
        "outside", "outside", word("outside"), (word("outside-line"),), CardState.PLAIN, "", word("outside-label")
    )
    return Contents(_zones(cluster, nodes, word), outside, spaces, sum(n.is_ready for n in nodes), len(nodes))


def _zones(cluster: Cluster, nodes: list[Node], word: Words) -> tuple[ZoneLane, ...]:
    counts: dict[str, list[int]] = {node.name: [0, 0] for node in nodes}
    for pod in cluster.snapshot.pods.values():
        if pod.spec.node_name in counts and not pod.is_finished:
            counts[pod.spec.node_name][0] += pod.is_ready
            counts[pod.spec.node_name][1] += 1
    zones: dict[str, list[CardItem]] = {}
    for node in nodes:
        zones.setdefault(node.zone or "", []).append(_node(node, counts[node.name], word))
    return tuple(ZoneLane(name, tuple(items)) for name, items in sorted(zones.items()))


def _node(node: Node, count: list[int], word: Words) -> CardItem:
    known = bool(node.status.conditions)
    state = CardState.READY if node.is_ready else CardState.FAILED if known else CardState.UNKNOWN
    lines = (*node.internal_ips[:1], word("pods-on", ready=count[0], all=count[1]))
    label = f"Node {node.name}, {word(state)}, {', '.join(lines)}"
    return CardItem(f"node/{node.name}", "node", node.name, lines, state, f"node/{node.name}", label)


def _lane(cluster: Cluster, service: Service, word: Words) -> Lane:
    subject = f"svc/{service.key}"
    members = tuple(_members(cluster, service, word))
    unlisted = tuple(_unlisted(cluster, service, word))
    state, count = _state(cluster, service, word)
    ports = " ".join(f"{p.port}/{p.protocol}" for p in service.spec.ports)
    kind = kind_of(service)
    lines = tuple(line for line in (_kind(service, word), ports, count) if line)
    label = f"Service {service.key}, {', '.join(lines)}"
    item = CardItem(subject, "service", service.name, lines, state, subject, label)
    members = (*members, LaneMembers(item, unlisted)) if unlisted else members
    reach = tuple(_reach(cluster, service, word))
    labels = (f"{key}={value}" for key, value in (*service.labels.items(), *(service.spec.selector or {}).items()))
    found = (
        str(service.key), kind, ports, *labels,
        *(f"{each.title} {each.subject}" for each in reach),
        *(f"{pod.title} {' '.join(pod.lines)}" for each in members for pod in each.pods),
    )  # fmt: skip
    return Lane(subject, item, reach, members, " ".join(found).lower(), kind=kind)


def _kind(service: Service, word: Words) -> str:
    """The type in the picture's language."""
    kind = word("headless") if service.is_headless else service.spec.type
    is_whole = bool(service.spec.selector) or service.is_external_name
    return kind if is_whole else word("without-selector", kind=kind)


def _state(cluster: Cluster, service: Service, word: Words) -> tuple[CardState, str]:
    if service.is_external_name:
        return CardState.PLAIN, ""
    if not cluster.has_read("EndpointSlice"):
        return CardState.UNKNOWN, word("not-read")
    endpoints = [e for slice_ in cluster.snapshot.slices_of(service.key) for e in slice_.endpoints or ()]
    if not endpoints:
        return CardState.FAILED, word("no-endpoint")
    ready = sum(endpoint.is_ready for endpoint in endpoints)
    state = CardState.READY if ready == len(endpoints) else CardState.WAITING if ready else CardState.FAILED
    return state, word("ready-of", ready=ready, all=len(endpoints))


def _reach(cluster: Cluster, service: Service, word: Words) -> Iterator[CardItem]:
    key, base = service.key, f"svc/{service.key}/"
    short = f"{service.name}.{service.namespace}.svc"
    line = word("alias") if service.is_external_name else word("answers-pods") if service.is_headless else word("name")
    name = f"{short}.{cluster.zone}"
    yield CardItem(f"{base}name", "name", short, (line,), CardState.PLAIN, f"dns/{name}", f"{line}: {name}")
    if service.is_external_name:
        return
    ports = ",".join(str(port.port) for port in service.spec.ports)
    for ip in service.cluster_ips:
        where = at(ip, service.spec.ports[0].port) if len(service.spec.ports) == 1 else f"{ip} :{ports}"
        label = f"{word('virtual-ip')} {ip}, {ports}, Service {key}"
        yield CardItem(f"{base}{ip}", "address", where, (word("virtual-ip"),), CardState.PLAIN, f"address/{ip}", label)
    if service.spec.type in ("NodePort", "LoadBalancer"):
        for port in (port for port in service.spec.ports if port.node_port):
            title = word("node-port", port=port.node_port)
            line = word("from-outside")
            subject = f"port/{port.node_port}"
            yield CardItem(f"{base}{subject}", "door", title, (line,), CardState.PLAIN, subject, f"{title}, {line}")
    for ip in service.spec.external_ips:
        title = f"{ip} :{ports}"
        yield CardItem(
            f"{base}ext/{ip}", "door", title, (word("external-ip"),), CardState.PLAIN, f"address/{ip}", title
        )
    yield from _balancers(service, base, ports, word)


def _balancers(service: Service, base: str, ports: str, word: Words) -> Iterator[CardItem]:
    if service.spec.type != "LoadBalancer":
        return
    for point in service.status.load_balancer.ingress:
        where = point.ip or point.hostname
        title, subject = f"{where} :{ports}", f"address/{point.ip}" if point.ip else ""
        yield CardItem(f"{base}lb/{where}", "door", title, (word("load-balancer"),), CardState.PLAIN, subject, title)
    if not service.status.load_balancer.ingress:
        title = word("load-balancer")
        yield CardItem(f"{base}lb", "door", title, (word("pending"),), CardState.WAITING, f"svc/{service.key}", title)


def _members(cluster: Cluster, service: Service, word: Words) -> Iterator[LaneMembers]:
    if service.is_external_name:
        target, line = service.spec.external_name, word("alias-line")
        subject = f"dns/{service.name}.{service.namespace}.svc.{cluster.zone}"
        id_ = f"svc/{service.key}/alias"
        yield LaneMembers(CardItem(id_, "outside", target, (line,), CardState.PLAIN, subject, f"{target}, {line}"), ())
        return
    for slice_ in sorted(cluster.snapshot.slices_of(service.key), key=lambda each: each.name):
        endpoints = slice_.endpoints or ()
        ready = sum(endpoint.is_ready for endpoint in endpoints)
        state = (
            CardState.READY
            if ready == len(endpoints) and endpoints
            else CardState.WAITING
            if ready
            else CardState.FAILED
        )
        subject = f"endpointslice/{slice_.key}"
        count = word("ready-of", ready=ready, all=len(endpoints))
        lines = (slice_.address_type, count)
        item = CardItem(
            f"svc/{service.key}/{subject}", "slice", _short(slice_, service), lines, state, subject,
            f"EndpointSlice {slice_.key}, {', '.join(lines)}",
        )  # fmt: skip
        pods = tuple(_endpoint(cluster, item.id, slice_.namespace, e, word) for e in endpoints if e.addresses)
        yield LaneMembers(item, tuple({pod.id: pod for pod in sorted(pods, key=lambda pod: pod.title)}.values()))


def _unlisted(cluster: Cluster, service: Service, word: Words) -> Iterator[CardItem]:
    """Pods that the selector matches and no slice of the Service lists."""
    slices = cluster.snapshot.slices_of(service.key)
    listed = {address for each in slices for e in each.endpoints or () for address in e.addresses}
    for pod in cluster.selected_pods(service.namespace, service.spec.selector or {}):
        if not pod.is_finished and not listed.intersection(pod.ips):
            yield _free(cluster, pod, f"svc/{service.key}/{pod.name}", word)


def _short(slice_: EndpointSlice, service: Service) -> str:
    """A slice's name without that of its Service, which is shown beside it."""
    rest = slice_.name.removeprefix(service.name)
    return f"…{rest}" if rest and rest != slice_.name else slice_.name


def _endpoint(cluster: Cluster, base: str, namespace: str, endpoint: Endpoint, word: Words) -> CardItem:
    ref, address = endpoint.target_ref, endpoint.addresses[0]
    pod = cluster.snapshot.pods.get(ObjectKey(ref.namespace or namespace, ref.name)) if ref else None
    state = CardState.READY if endpoint.is_ready else CardState.WAITING
    told = word("ending") if endpoint.is_terminating else word(state)
    if pod is None:
        lines = tuple(filter(None, (endpoint.node_name,)))
        subject, title = f"address/{address}", ref.name if ref else address
        lines = (address, *lines) if ref else lines
        return CardItem(f"{base}/{address}", "pod", title, lines, state, subject, f"{title}, {told}")
    return _pod(pod, f"{base}/{address}", state, address, told)


def _pod(pod: Pod, id_: str, state: CardState, address: str, told: str) -> CardItem:
    line = " · ".join(part for part in (address, pod.spec.node_name) if part) or told
    label = f"Pod {pod.key}, {told}, {line}"
    return CardItem(id_, "pod", pod.name, (line,), state, f"pod/{pod.key}", label)


def _clients(cluster: Cluster, word: Words) -> Iterator[Lane]:
    """The Pods of each Namespace that no slice lists, and that have not finished."""
    listed = cluster.snapshot.services_by_endpoint
    chosen = {
        pod.key
        for service in cluster.snapshot.services.values()
        for pod in cluster.selected_pods(service.namespace, service.spec.selector or {})
    }
    by_space: dict[str, list[Pod]] = {}
    for pod in sorted(cluster.snapshot.pods.values(), key=lambda pod: pod.name):
        if not pod.is_finished and pod.key not in chosen and not any(ip in listed for ip in pod.ips):
            by_space.setdefault(pod.namespace, []).append(pod)
    for space, pods in by_space.items():
        id_ = f"clients/{space}"
        items = tuple(_free(cluster, pod, f"{id_}/{pod.name}", word) for pod in pods)
        head = CardItem(
            id_, "clients", word("clients"), (word("clients-line"),), _worst(items), "", word("clients-line")
        )
        text = " ".join((space, *(f"{item.title} {' '.join(item.lines)}" for item in items))).lower()
        yield Lane(id_, head, (), (LaneMembers(head, items),), text, is_service=False)


def _free(cluster: Cluster, pod: Pod, id_: str, word: Words) -> CardItem:
    if is_as_written(cluster, pod):
        return _pod(pod, id_, CardState.UNKNOWN, "", word("as-written"))
    state = CardState.READY if pod.is_ready else CardState.FAILED if pod.status.phase == "Failed" else CardState.WAITING
    told = word("ending") if pod.is_terminating else word(state)
    return _pod(pod, id_, state, pod.ips[0] if pod.ips else "", told)


def _worst(items: Iterable[CardItem]) -> CardState:
    states = {item.state for item in items}
    return next((state for state in (CardState.FAILED, CardState.WAITING) if state in states), CardState.PLAIN)
