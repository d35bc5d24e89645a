"""Reading: one object, a list, a watch."""

import msgspec

from fairlead.registry.conversion import shown_as
from fairlead.registry.selectors import selection_of
from fairlead.registry.status import ApiError
from fairlead.registry.verbs.call import Answer, Call, Reply
from fairlead.registry.verbs.lists import read_list, requested_version
from fairlead.registry.verbs.watches import begin_watch, frame


def get_object(call: Call) -> Reply:
    requested_version(call.request, call.state)
    return Reply(call.shown(call.stored()))


def list_objects(call: Call) -> Reply:
    view = call.view
    selection = selection_of(call.request, call.target, call.env.kinds.strategy(call.resource).fields)
    page = read_list(call.request, selection, call.resource.storage, call.state_at)
    documents = shown_as(page.documents, call.resource, call.env.answers)
    body = view.many(documents, dict(page.metadata), call.env.kinds, call.env.now)
    return Reply(body, keep=page.state)


def watch_objects(call: Call) -> Answer:
    view = call.view
    selection = selection_of(call.request, call.target, call.env.kinds.strategy(call.resource).fields)
    try:
        return begin_watch(call.request, selection, view, call.state)
    except ApiError as error:
        if error.code != 410:
            raise
        # Upstream reports it in the stream, where clients look for it to begin again (``cacher.newErrWatcher``).
        return Reply(frame("ERROR", msgspec.json.encode(error.status())))
