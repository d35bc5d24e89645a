"""Reading ComponentStatuses, which are made when they are asked for."""

from fairlead.model.labels import matches
from fairlead.model.names import ObjectKey
from fairlead.registry.kinds.core.component_status import component_statuses
from fairlead.registry.selectors import selection_of
from fairlead.registry.status import not_found
from fairlead.registry.verbs.call import Call, Handler, Reply


def get_status(call: Call) -> Reply:
    """Answer with one of them."""
    found = component_statuses().get(call.target.name)
    if found is None:
        raise not_found(call.resource.plural, call.target.name)
    return Reply(call.shown(found))


def list_statuses(call: Call) -> Reply:
    """Answer with those that the client selects; none has labels."""
    selection = selection_of(call.request, call.target, {})
    wanted = [
        document
        for name, document in component_statuses().items()
        if selection.wants_key(ObjectKey("", name)) and matches(selection.labels, {})
    ]
    return Reply(call.view.many(wanted, {"resourceVersion": ""}, call.env.kinds, call.env.now))


COMPONENT_STATUSES: dict[tuple[str, str], Handler] = {
    ("componentstatuses", "get"): get_status,
    ("componentstatuses", "list"): list_statuses,
}
