"""Addresses and ports that belong to one object at a time: virtual IPs, node ports, addresses of Pods."""


def given_to(document: dict) -> set[str]:
    """What a Service or a Pod has: nothing, if the Pod has ended or is in the network of its node."""
    spec, status = document.get("spec") or {}, document.get("status") or {}
    if "clusterIP" in spec:
        ports = {f"{port['protocol']} {port['nodePort']}" for port in spec.get("ports") or () if "nodePort" in port}
        return ports | set(spec.get("clusterIPs") or ()) - {"None"}
    if spec.get("hostNetwork") or status.get("phase") in ("Succeeded", "Failed"):
        return set()
    return {each["ip"] for each in status.get("podIPs") or ()}


class Given:
    """What each object of a collection has, as a watch shows it."""

    def __init__(self) -> None:
        self._by_owner: dict[str, set[str]] = {}

    def replace(self, documents: list[dict]) -> set[str]:
        """Begin again from a list; what two of its objects have."""
        self._by_owner = {}
        return set().union(*(self.change("ADDED", document) for document in documents))

    def change(self, kind: str, document: dict) -> set[str]:
        """Take an event in; what its object has that another has, too."""
        owner = document["metadata"]["uid"]
        self._by_owner.pop(owner, None)
        if kind == "DELETED":
            return set()
        mine, others = given_to(document), set().union(*self._by_owner.values())
        self._by_owner[owner] = mine
        return mine & others
