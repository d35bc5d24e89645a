"""Bootstrap roles and bindings of an earlier start, with missing rules and subjects added. Additions by users stay. An
object with the annotation ``autoupdate: "false"`` is kept unchanged, as is a binding that a user has recreated with
another role. Upstream: ``k8s.io/component-helpers/auth/rbac/reconciliation``.
"""

import msgspec

from fairlead.model.document import Doc
from fairlead.registry.access.rbac import Reference
from fairlead.registry.access.rules import AccessRule, uncovered
from fairlead.registry.bootstrap.roles import AUTOUPDATE


def reconciled_role(there: Doc, wanted: Doc) -> Doc:
    """A ClusterRole that has at least the rules wanted."""
    if not _is_kept(there):
        return there
    rules = there.get("rules") or []
    held = msgspec.convert(rules, list[AccessRule])
    missing = [rule for rule in wanted["rules"] if uncovered([msgspec.convert(rule, AccessRule)], held)]
    return {**wanted, **there, "metadata": _metadata(there, wanted), "rules": [*rules, *missing]}


def reconciled_binding(there: Doc, wanted: Doc) -> Doc:
    """A ClusterRoleBinding that has at least the subjects wanted."""
    if not _is_kept(there) or there["roleRef"] != wanted["roleRef"]:
        return there
    subjects = there.get("subjects") or []
    held = msgspec.convert(subjects, list[Reference])
    missing = [subject for subject in wanted["subjects"] if msgspec.convert(subject, Reference) not in held]
    return {**there, "metadata": _metadata(there, wanted), "subjects": [*subjects, *missing]}


def _is_kept(there: Doc) -> bool:
    return (there["metadata"].get("annotations") or {}).get(AUTOUPDATE) != "false"


def _metadata(there: Doc, wanted: Doc) -> Doc:
    own = there["metadata"]
    merged = {name: {**wanted["metadata"][name], **(own.get(name) or {})} for name in ("labels", "annotations")}
    return {**own, **merged}
