"""Applies fixes of the doctor that are patches: where the command allows changes, and only what the doctor says."""

import asyncio
from http import HTTPStatus
from typing import Any

from fairlead.app.ui.world import NotRead, World
from fairlead.drivers.sources.patches import PatchError, apply_patch, can_apply
from fairlead.drivers.ui.exchange import Handler, PageReply, PageRequest, json_reply, problem
from fairlead.explain.cluster import Cluster
from fairlead.explain.doctor.examine import examine
from fairlead.explain.doctor.findings import Fix


def fixing(world: World) -> Handler:
    """The handler. A request names a finding and its fix, as they were shown; what is patched is what the doctor says
    of the cluster now, so that nothing else can be asked for."""

    async def handle(request: PageRequest) -> PageReply:
        if not world.options.allows_changes or not world.options.is_live:
            return problem(HTTPStatus.FORBIDDEN, "this page may only look: start it with --allow-changes")
        try:
            cluster = await world.now()
        except NotRead as error:
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, str(error))
        fix = await asyncio.to_thread(find_fix, cluster, request.body)
        if fix is None:
            return problem(HTTPStatus.CONFLICT, "the doctor does not propose this any more")
        try:
            await asyncio.to_thread(apply_patch, fix, world.kubeconfig(), world.options.context)
        except PatchError as error:
            return problem(HTTPStatus.BAD_GATEWAY, str(error))
        return json_reply({"done": fix.text})

    return handle


def find_fix(cluster: Cluster, wanted: dict[str, Any]) -> Fix | None:
    """The patch that a request names; None where the doctor does not propose it."""
    for finding in examine(cluster):
        subject = dict(zip(("kind", "namespace", "name"), finding.subject, strict=True))
        if finding.code == wanted.get("code") and subject == wanted.get("subject"):
            return next((fix for fix in can_apply(finding.fixes) if fix.text == wanted.get("fix")), None)
    return None
