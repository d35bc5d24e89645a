"""A request for another server: whether its user may make it, and where it goes.

Headers identify the user to the other server, which trusts them because of this server's certificate (the ConfigMap
``extension-apiserver-authentication`` says which). Upstream: kube-aggregator ``pkg/apiserver/handler_proxy.go``,
client-go ``transport.SetAuthProxyHeaders``, apiserver ``pkg/endpoints/request/requestinfo.go``.
"""

from collections.abc import Callable, Iterator
from urllib.parse import quote

from fairlead.registry.access.checks import require
from fairlead.registry.access.rules import Attributes
from fairlead.registry.aggregation.extensions import Extension, Extensions
from fairlead.registry.backend import USUAL_CLUSTER, BackendServer, ExtensionServer
from fairlead.registry.requests import VERB_OF, Request, User
from fairlead.registry.status import ApiError
from fairlead.registry.store import State
from fairlead.registry.strategy import ClusterConfig
from fairlead.registry.subresources.proxy import endpoint_of

OPENAPI = "/openapi/v3"
# Other servers also get requests for which this one has no handler.
_VERBS = {**VERB_OF, ("HEAD", False): "list", ("HEAD", True): "get", ("POST", True): "create"}


def forward(
    request: Request,
    found: Extensions,
    state: State,
    choose: Callable[[int], int],
    cluster: ClusterConfig = USUAL_CLUSTER,
) -> BackendServer | None:
    """The other server of a request; None if this server answers it.

    Raises:
        ApiError: 403 the user may not do that, 503 the other server cannot be reached.
    """
    parts = tuple(request.path.removeprefix(OPENAPI).strip("/").split("/"))
    extension = next((each for each in found if parts[:3] == ("apis", each.group, each.version)), None)
    if extension is None:
        return None
    require(_attributes(request, parts), state)
    where = extension.server.service
    assert where is not None
    try:
        address, port = endpoint_of(state, where.namespace, where.name, where.port, choose, cluster)
    except ApiError:
        raise ApiError(503, "ServiceUnavailable", "service unavailable") from None
    query = f"?{request.query_string}" if request.query_string else ""
    return BackendServer(
        "https", address, port, f"{quote(request.path)}{query}", extension=_server(extension, request.user)
    )


def _server(extension: Extension, user: User) -> ExtensionServer:
    server = extension.server
    return ExtensionServer(server.host_name, server.authorities, server.is_unchecked, tuple(identity(user)))


def identity(user: User) -> Iterator[tuple[str, str]]:
    """The headers that identify the user to another server."""
    yield "x-remote-user", user.name
    if user.uid:
        yield "x-remote-uid", user.uid
    yield from (("x-remote-group", group) for group in user.groups)
    for name, values in user.extra.items():
        yield from ((f"x-remote-extra-{quote(name.lower(), safe='')}", value) for value in values)


def _attributes(request: Request, parts: tuple[str, ...]) -> Attributes:
    """The attributes for authorization, read only from the path."""
    user, rest = request.user, parts[3:]
    if not rest or request.path.startswith(OPENAPI):
        return Attributes(user, request.method.lower(), path=request.path)
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2:
        namespace, rest = rest[1], rest[2:]
    resource, name, side = (*rest, "", "")[:3]
    verb = _VERBS.get((request.method, bool(name)), request.method.lower())
    if verb in ("get", "list") and request.flag("watch"):
        verb = "watch"
    return Attributes(user, verb, parts[1], resource, side, namespace, name)
