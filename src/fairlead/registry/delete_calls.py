"""Deleting one object, or all that a selector names."""

from fairlead.registry.calls import Call, Reply
from fairlead.registry.deletes import delete, delete_options, delete_selected
from fairlead.registry.requests import Target
from fairlead.registry.selectors import selection_of


def delete_object(call: Call) -> Reply:
    options = delete_options(call.request)
    done = delete(call.state, call.target, options, call.env)
    if b'"kind":"Status"' in done.document[:20]:
        return Reply(done.document, step=done.step)
    return Reply(call.shown(done.document), step=done.step)


def delete_collection(call: Call) -> Reply:
    options = delete_options(call.request)
    view = call.view
    selection = selection_of(call.request, call.target, call.env.kinds.strategy(call.resource).fields)
    objects = call.state.of(call.resource.storage)
    targets = [Target(call.resource, *key) for key in sorted(objects) if selection.wants(key, objects[key])]
    step, shown = delete_selected(call.state, targets, options, call.env)
    metadata = {"resourceVersion": str(step.state.version)}
    return Reply(view.many(shown, metadata, call.env.kinds, call.env.now), step=step)
