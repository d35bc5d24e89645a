"""An operator with a kind of its own, as its authors write one with kopf. Run it with ``kopf run``."""

import kopf


@kopf.on.create("flavours.example.com", "v1", "flavours")
def created(spec, patch, name, **_):
    """Tell in the status what was made."""
    patch.status["made"] = f"{spec.get('colour', 'white')} {name}"


@kopf.on.update("flavours.example.com", "v1", "flavours", field="spec.colour")
def repainted(old, new, patch, **_):
    """Tell in the status what has changed."""
    patch.status["made"] = f"{old} to {new}"


@kopf.on.delete("flavours.example.com", "v1", "flavours")
def deleted(meta, logger, **_):
    """Let the object go; kopf holds it by a finalizer until this returns."""
    logger.info("gone: %s", meta["name"])
