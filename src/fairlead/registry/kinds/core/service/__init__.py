"""Services: the rules of the API server for them, one concern in each module.

``defaults`` and ``warnings`` need only the document; ``allocate`` needs the cluster; ``transitions`` clears fields
after a change of type; ``validate`` comes last. Upstream: pkg/registry/core/service, pkg/apis/core/validation.
"""

from fairlead.model.names import dns1123_label_errors
from fairlead.registry.kinds.core.service.allocate import allocate, release
from fairlead.registry.kinds.core.service.columns import COLUMNS, row
from fairlead.registry.kinds.core.service.defaults import default, on_read
from fairlead.registry.kinds.core.service.transitions import prepare_create, prepare_status_update, prepare_update
from fairlead.registry.kinds.core.service.validate import validate_create, validate_update
from fairlead.registry.kinds.core.service.warnings import warnings
from fairlead.registry.strategy import Strategy

STRATEGY = Strategy(
    name_errors=dns1123_label_errors,  # a leading digit is allowed (KEP-5311)
    default=default,
    allocate=allocate,
    release=release,
    prepare_create=prepare_create,
    prepare_update=prepare_update,
    prepare_status_update=prepare_status_update,
    validate_create=validate_create,
    validate_update=validate_update,
    warnings=warnings,
    on_read=on_read,
    fields={
        "spec.clusterIP": lambda service: str(service["spec"].get("clusterIP", "")),
        "spec.type": lambda service: str(service["spec"].get("type", "")),
    },
    columns=COLUMNS,
    row=row,
    deletes_with=("endpoints",),
    shows_ips=True,
    returns_deleted=True,
)
