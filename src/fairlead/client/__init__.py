"""The client's side of a headless Service: chooses the Pod for each request.

    from fairlead.client import Balancer, Dns, LeastInFlight

    with Balancer(Dns("web.default.svc.cluster.local.", port=8080), LeastInFlight()) as web:
        body = web.call(lambda endpoint: fetch(f"http://{endpoint}/"))

It takes a resolver and no more; the rest of Fairlead is not needed.
"""

from fairlead.client.async_balancer import AsyncBalancer
from fairlead.client.balancer import Balancer
from fairlead.client.core.endpoint import Endpoint, NoEndpoints, Update
from fairlead.client.core.health import Ejection
from fairlead.client.core.policies import ConsistentHash, LeastInFlight, Policy, PreferZone, RoundRobin
from fairlead.client.dns_source import Dns
from fairlead.client.following import Roles
from fairlead.client.slice_source import Slices
from fairlead.client.source import Source, Static

__all__ = [
    "AsyncBalancer",
    "Balancer",
    "ConsistentHash",
    "Dns",
    "Ejection",
    "Endpoint",
    "LeastInFlight",
    "NoEndpoints",
    "Policy",
    "PreferZone",
    "Roles",
    "RoundRobin",
    "Slices",
    "Source",
    "Static",
    "Update",
]
