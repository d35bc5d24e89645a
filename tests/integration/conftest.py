"""Which integration tests run, and in which order.

The files that take longest come first, so that none of them is left to run alone when the others have ended. (A file is
run by one worker, and xdist's own order is by numbers of tests.)

Many files can run their labs as root and as an ordinary user. Tests run as the weaker of the two, with whom all else
works; those with the mark ``each_user``, which show what depends on it, run as both. With ``FAIRLEAD_FULL=1`` all do.
"""

from tests.support.full import IS_FULL
from tests.support.users import User, users

LONGEST_FIRST = (
    "robustness/test_everything_at_once",
    "examples/test_postgres_example",
    "examples/test_all_examples",
    "lab/test_life",
    "lab/test_pods",
    "lab/test_killed_start",
    "apiserver/test_kubectl_script",
    "proxy/test_flows",
    "lab/test_kubectl_streams",
    "lab/test_workloads",
    "lab/test_outside",
    "lab/test_nodes",
    "lab/test_join",
    "lab/test_dual_stack",
    "dns/test_process",
    "dns/test_resolvers",
    "proxy/test_spread",
    "proxy/test_process",
)


def pytest_collection_modifyitems(config, items):
    places = {name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(f"{item.path.parent.name}/{item.path.stem}", len(places)))
    again = [] if IS_FULL else [item for item in items if runs_again(item)]
    if again:
        config.hook.pytest_deselected(items=again)
        items[:] = [item for item in items if item not in again]


def runs_again(item):
    """Whether a test that does not depend on the user is to run as another one than the weakest."""
    parameters = item.callspec.params.values() if hasattr(item, "callspec") else ()
    names = {each.name for each in parameters if isinstance(each, User)}
    return bool(names - {users()[-1].name}) and not item.get_closest_marker("each_user")
