"""No two public classes share a name without a reason: a name that is searched for leads to one thing.

Rename the newer one for what it is beside the other (docs/glossary.md), or write the reason down here.
"""

import re
from collections import defaultdict
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src" / "fairlead"

OF_OTHERS = "rules as others have written them have types of their own, named as ours: decision 33"
OF_A_POD = "the API's type twice: with the fields that Services need, and with those that a node needs"
SHARED = {
    "Chain": OF_OTHERS,
    "Rule": OF_OTHERS,
    "Table": OF_OTHERS,
    "Translate": OF_OTHERS,
    "Container": OF_A_POD,
    "ContainerPort": OF_A_POD,
    "Terminated": OF_A_POD,
    "Endpoint": "the API's type; and in the client library, which knows nothing of the API, what its users call one",
    "Namespace": "the API's type; and in the library of labs what its users call one",
}
"""Name -> why more than one class has it."""


def modules_by_class() -> dict[str, list[str]]:
    """Where each public class at the top of a module is defined."""
    found = defaultdict(list)
    for path in sorted(SOURCE.rglob("*.py")):
        for name in re.findall(r"^class ([A-Z]\w*)", path.read_text(), re.MULTILINE):
            found[name].append(str(path.relative_to(SOURCE)))
    return found


def test_no_two_public_classes_share_a_name_without_a_reason():
    shared = {name: modules for name, modules in modules_by_class().items() if len(modules) > 1}
    assert {name: modules for name, modules in shared.items() if name not in SHARED} == {}
    assert set(SHARED) - set(shared) == set(), "nothing shares these any more"
