"""The host process of a lab: creates the lab's resources on this machine, starts and follows its PID 1, and cleans up.

Resources on this machine are the run folder with its lock, the data folder, certificates and kubeconfigs, and the API
server's socket on 127.0.0.1. Everything else is in namespaces (including a user namespace, when not root). This
machine's network and mounts therefore do not change, and killing PID 1 of the lab ends all of it.
"""

import os
import time
from pathlib import Path

from msgspec import structs

from fairlead.app.lab.fork import LabError, NamespacesRefused
from fairlead.app.lab.host.data_folder import check_kind, data_folder
from fairlead.app.lab.host.following import LabFollower
from fairlead.app.lab.host.machine import home_of_user, require_families, require_programs
from fairlead.app.lab.host.options import LabOptions, Listener
from fairlead.app.lab.host.sockets import host_sockets, loopback_sockets, vni_of
from fairlead.app.lab.host_link import HostSockets
from fairlead.app.lab.listeners import LOOPBACK
from fairlead.app.lab.loopback import on_loopback
from fairlead.app.lab.node_memory import recall
from fairlead.app.lab.plan import LabPlan, WirePlan, memory_of_nodes
from fairlead.app.lab.settings import NO_PROXY, LabSettings
from fairlead.drivers.images.places import place_here
from fairlead.drivers.lab import run_folder, running_labs
from fairlead.drivers.lab.running_labs import RunningLab
from fairlead.drivers.linux.process_tree import end_descendants

WITHOUT_NAMESPACES = (
    "so this lab is made without namespaces, on loopback addresses; docs/userspace.md says what differs"
)


def serve(options: LabOptions, listener: Listener) -> None:
    """Run a lab until it is ended by SIGINT, SIGTERM or a request at its control socket.

    Raises:
        LabError: it could not be started, a manifest was refused, or its PID 1 was killed. Nothing is left of it.
    """
    began = time.monotonic()
    if options.userspace:
        _serve(options, listener, began, has_namespaces=False)
        return
    try:
        require_programs(may_do_without=options.may_do_without)
        require_families(options.settings.ip_families)
        _serve(options, listener, began, has_namespaces=True)
    except NamespacesRefused as refusal:
        if not options.may_do_without:
            raise
        listener.tell(str(refusal))
        listener.tell(WITHOUT_NAMESPACES)
        _serve(options, listener, began, has_namespaces=False)


def _serve(options: LabOptions, listener: Listener, began: float, *, has_namespaces: bool) -> None:
    run_folder.remove_leftovers()
    folder = run_folder.root() / options.name
    try:
        lock = run_folder.claim(options.name)
    except run_folder.RunFolderInUse:
        raise LabError(
            f'a lab named "{options.name}" is running: stop it with `fairlead down --name {options.name}`, '
            "or give this lab another --name"
        ) from None
    try:
        with data_folder(options.data or folder / "data", options.settings.ip_families) as (data, data_lock):
            if not has_namespaces:
                _serve_on_loopback(options, listener, began, (data, folder), (lock, data_lock))
                return
            check_kind(data, has_namespaces=True)
            settings = _remembered(options.settings, data, listener)
            wire = _wire(options, data)
            plan = LabPlan(options.name, folder, data, options.manifests, settings, wire, home_of_user(), place_here())
            with host_sockets(plan) as sockets:
                lab = _lab(plan, sockets)
                LabFollower(plan, lab, listener, began).follow(sockets, options, (lock, data_lock))
    finally:
        run_folder.remove(folder)
        os.close(lock)


def _serve_on_loopback(
    options: LabOptions, listener: Listener, began: float, folders: tuple[Path, Path], locks: tuple[int, int]
) -> None:
    """Run a lab without namespaces.

    Args:
        folders: for its data, and its run folder. locks: descriptors that hold them.
    """
    if options.wire or options.invitation:
        raise LabError("a lab without namespaces cannot be connected with other hosts: leave out --wire")
    data, folder = folders
    check_kind(data, has_namespaces=False)
    with loopback_sockets(options.name, data) as (number, sockets):
        settings = on_loopback(_remembered(options.settings, data, listener), number)
        plan = LabPlan(options.name, folder, data, options.manifests, settings, loopback=number)
        lab = RunningLab(folder, os.getpid(), plan.api_url, loopback=number)
        try:
            LabFollower(plan, lab, listener, began).follow(sockets, options, locks)
        finally:
            end_descendants()  # which the kernel does where PID 1 of a namespace ends


def _remembered(settings: LabSettings, data: Path, listener: Listener) -> LabSettings:
    """The settings with the nodes that the lab has after all that was added and removed in its earlier lives."""
    nodes = recall(memory_of_nodes(data)).nodes(settings.nodes, settings.ip_families)
    for name in sorted({node.name for node in settings.nodes} - {node.name for node in nodes}):
        listener.tell(f"without {name}, which was removed; `fairlead node add {name}` brings it back")
    return structs.replace(settings, nodes=nodes)


def _wire(options: LabOptions, data: Path) -> WirePlan | None:
    if invitation := options.invitation:
        return WirePlan(invitation.vni, options.wire or invitation.address, invitation.hub)
    return WirePlan(vni_of(data), options.wire) if options.wire else None


def _lab(plan: LabPlan, sockets: HostSockets) -> RunningLab:
    if sockets.api:
        url = f"https://{LOOPBACK}:{sockets.api.getsockname()[1]}"
        return RunningLab(plan.run_folder, os.getpid(), url, proxyless=_proxyless(plan.settings))
    assert plan.wire
    return RunningLab(plan.run_folder, os.getpid(), str(plan.wire.hub), plan.nodes[0].name)


def _proxyless(settings: LabSettings) -> running_labs.ProxylessNodes:
    is_usual = settings.proxy_mode == NO_PROXY
    differ = (node.name for node in settings.nodes if (settings.proxy_mode_of(node) == NO_PROXY) != is_usual)
    return running_labs.ProxylessNodes(is_usual, tuple(differ))
