"""Binds claims to volumes, makes volumes for claims, and does with a volume what its reclaim policy says.

What to do is ``fairlead.workloads.volume_binding``. The folders themselves are made and removed by the node agents.
"""

from typing import Any

import msgspec

from fairlead.app.controllers.context import ControllerContext
from fairlead.drivers.kube.client import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, PODS, STORAGE_CLASSES, KubeError
from fairlead.drivers.kube.work_queue import WorkQueue
from fairlead.model.events import EventText
from fairlead.model.names import ObjectKey
from fairlead.model.objects import KubeObject, Pod, latest
from fairlead.model.storage import (
    CLAIM_PROTECTION,
    VOLUME_PROTECTION,
    PersistentVolume,
    PersistentVolumeClaim,
    StorageClass,
)
from fairlead.workloads.volume_binding import (
    Bind,
    DeleteVolume,
    Provision,
    RemoveProtection,
    SetClass,
    SetPhase,
    claim_reference,
    claims_of,
    plan_claim,
    plan_volume,
)

BIND_COMPLETED = "pv.kubernetes.io/bind-completed"


class ClaimBinder:
    """Keys are those of claims."""

    name = "persistentvolume-controller"
    workers = 1  # two claims may want the same volume

    def __init__(self, context: ControllerContext) -> None:
        self.queue: WorkQueue[ObjectKey] = WorkQueue(context.clock)
        self._client = context.client
        self._events = context.events.recorder(self.name)
        self._claims = context.watches.of(PERSISTENT_VOLUME_CLAIMS, PersistentVolumeClaim)
        self._volumes = context.watches.of(PERSISTENT_VOLUMES, PersistentVolume)
        self._classes = context.watches.of(STORAGE_CLASSES, StorageClass)
        self._pods = context.watches.of(PODS, Pod)
        self.needs = (self._claims, self._volumes, self._classes, self._pods)
        self._users: dict[ObjectKey, set[ObjectKey]] = {}  # by claim: the Pods that use it
        self._waiting: dict[ObjectKey, EventText] = {}  # the last Event of each waiting claim
        self._claims.listen(self._claim_changed)
        self._volumes.listen(self._look_again)
        self._classes.listen(self._look_again)
        self._pods.listen(self._pod_changed)

    def _claim_changed(self, old: PersistentVolumeClaim | None, new: PersistentVolumeClaim | None) -> None:
        if new:
            self.queue.add(new.key)
        elif old:
            self._waiting.pop(old.key, None)

    def _look_again(self, old: KubeObject | None, new: KubeObject | None) -> None:
        """A claim can wait for a volume or class; a volume can also be bound to a claim."""
        for key, claim in self._claims.objects.items():
            if not claim.is_bound or new is None:
                self.queue.add(key)

    def _pod_changed(self, old: Pod | None, new: Pod | None) -> None:
        pod = latest(old, new)
        before = claims_of(old) if old and not old.is_finished else set()
        after = claims_of(new) if new and not new.is_finished else set()
        for key in before ^ after:
            users = self._users.setdefault(key, set())
            (users.add if key in after else users.discard)(pod.key)
            self.queue.add(key)

    async def reconcile(self, key: ObjectKey) -> None:
        """One step for a claim."""
        claim = self._claims.objects.get(key)
        if claim is None:
            return
        classes = {each.name: each for each in self._classes.objects.values()}
        volumes = {each.name: each for each in self._volumes.objects.values()}
        users = [pod for each in self._users.get(key, ()) if (pod := self._pods.objects.get(each))]
        match plan_claim(claim, classes, volumes, users):
            case Bind(volume):
                await self._bind(claim, volume)
            case Provision(document):
                volume = self._volumes.learn(await self._client.create(PERSISTENT_VOLUMES.path(), document))
                message = f"Successfully provisioned volume {volume.name}"
                self._say(claim, EventText("ProvisioningSucceeded", message))
                await self._bind(claim, volume)
            case SetClass(name):
                await self._patch(claim, {"spec": {"storageClassName": name}})
            case RemoveProtection():
                await self._patch(claim, {"metadata": {"finalizers": _without(claim, CLAIM_PROTECTION)}})
            case SetPhase(phase):
                await self._patch(claim, {"status": {"phase": phase}}, "status")
            case EventText() as why if self._waiting.get(key) != why:
                self._waiting[key] = why
                self._say(claim, why)

    async def _bind(self, claim: PersistentVolumeClaim, volume: PersistentVolume) -> None:
        """Reserve the volume for the claim, then name it in the claim, then bind it: an interrupted step is resumed."""
        reference = volume.spec.claim_ref
        if reference is None or not reference.uid:
            version = {"resourceVersion": volume.metadata.resource_version}
            patch = {"metadata": version, "spec": {"claimRef": claim_reference(claim)}}
            path = PERSISTENT_VOLUMES.path(name=volume.name)
            volume = self._volumes.learn(await self._client.patch(path, patch))
        if claim.spec.volume_name != volume.name:
            annotations = {"annotations": {BIND_COMPLETED: "yes"}}
            claim = await self._patch(claim, {"metadata": annotations, "spec": {"volumeName": volume.name}})
        if not claim.is_bound:
            capacity, modes = dict(volume.spec.capacity), list(volume.spec.access_modes)
            status = {"phase": "Bound", "accessModes": modes, "capacity": capacity}
            await self._patch(claim, {"status": status}, "status")
        self._waiting.pop(claim.key, None)

    async def _patch(
        self, claim: PersistentVolumeClaim, change: dict[str, Any], subresource: str = ""
    ) -> PersistentVolumeClaim:
        """Change the claim as it was seen."""
        patch = _as_seen(claim, change)
        path = PERSISTENT_VOLUME_CLAIMS.path(claim.namespace, claim.name, subresource)
        answer = await self._client.patch(path, patch)
        if answer["metadata"].get("deletionTimestamp") and not answer["metadata"].get("finalizers"):
            self._claims.unlearn(claim)
            return claim
        return self._claims.learn(answer)

    def _say(self, claim: PersistentVolumeClaim, event: EventText) -> None:
        self._events.record(claim, "v1", "PersistentVolumeClaim", event)


class VolumeReclaimer:
    """Keys are those of volumes."""

    name = "persistentvolume-reclaimer"
    workers = 1

    def __init__(self, context: ControllerContext) -> None:
        self.queue: WorkQueue[ObjectKey] = WorkQueue(context.clock)
        self._client = context.client
        self._claims = context.watches.of(PERSISTENT_VOLUME_CLAIMS, PersistentVolumeClaim)
        self._volumes = context.watches.of(PERSISTENT_VOLUMES, PersistentVolume)
        self.needs = (self._claims, self._volumes)
        self._claims.listen(self._claim_changed)
        self._volumes.listen(self._volume_changed)

    def _claim_changed(self, old: PersistentVolumeClaim | None, new: PersistentVolumeClaim | None) -> None:
        for claim in (old, new):
            if claim and claim.spec.volume_name:
                self.queue.add(ObjectKey("", claim.spec.volume_name))

    def _volume_changed(self, old: PersistentVolume | None, new: PersistentVolume | None) -> None:
        if new:
            self.queue.add(new.key)

    async def reconcile(self, key: ObjectKey) -> None:
        """One step for a volume."""
        volume = self._volumes.objects.get(key)
        if volume is None:
            return
        reference = volume.spec.claim_ref
        claim = self._claims.objects.get(ObjectKey(reference.namespace, reference.name)) if reference else None
        path = PERSISTENT_VOLUMES.path(name=volume.name)
        match plan_volume(volume, claim):
            case SetPhase(phase):
                status = PERSISTENT_VOLUMES.path(name=volume.name, subresource="status")
                patch = _as_seen(volume, {"status": {"phase": phase}})
                self._volumes.learn(await self._client.patch(status, patch))
            case DeleteVolume() if await self._has_gone(volume):
                await self._client.delete(path, {"preconditions": {"uid": volume.metadata.uid}})
            case RemoveProtection():
                finalizers = _without(volume, VOLUME_PROTECTION)
                await self._client.patch(path, _as_seen(volume, {"metadata": {"finalizers": finalizers}}))

    async def _has_gone(self, volume: PersistentVolume) -> bool:
        """Whether the server, too, no longer has the claim: deletion destroys a user's data."""
        reference = volume.spec.claim_ref
        assert reference is not None
        try:
            found = await self._client.get(PERSISTENT_VOLUME_CLAIMS.path(reference.namespace, reference.name))
        except KubeError as error:
            if error.code != 404:
                raise
            return True
        return bool(msgspec.json.decode(found)["metadata"]["uid"] != reference.uid)


def _without(object_: KubeObject, finalizer: str) -> list[str]:
    return [each for each in object_.metadata.finalizers or () if each != finalizer]


def _as_seen(object_: KubeObject, change: dict[str, Any]) -> dict[str, Any]:
    """A merge patch for this version of the object and no later one."""
    seen = {"uid": object_.metadata.uid, "resourceVersion": object_.metadata.resource_version}
    return {**change, "metadata": {**change.get("metadata", {}), **seen}}
