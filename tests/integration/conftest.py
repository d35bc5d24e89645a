"""Which integration tests run, and in which order.

The files that take longest come first, so that none of them is left to run alone when the others have ended. (A file is
run by one worker, and xdist's own order is by numbers of tests.)

Many files can run their labs as root and as an ordinary user. Tests run as the weaker of the two, with whom all else
works; those with the mark ``each_user``, which show what depends on it, run as both. Tests with the mark ``full`` are
left out. With ``FAIRLEAD_FULL=1`` everything runs.
"""

from tests.support.full import IS_FULL
from tests.support.users import User, users

LONGEST_FIRST = (
    "robustness/test_everything_at_once",
    "examples/test_postgres_example",
    "examples/test_all_examples",
    "lab/test_isolation",
    "docs/test_pages",
    "deploy/test_image",
    "library/test_plugin",
    "lab/test_life",
    "lab/test_deployers",
    "lab/test_workloads",
    "ui/test_live",
    "explain/test_live",
    "proxy/test_process",
    "lab/test_agent_restarts",
    "lab/test_pods",
    "lab/test_image_servers",
    "apiserver/test_hostile_clients",
    "lab/test_early_ends",
    "lab/test_bgp",
    "lab/test_rolled_back",
    "lab/test_network_policies",
    "apiserver/test_kubectl_script",
    "dns/test_corefiles",
    "dns/test_process",
    "lab/test_image_pulls",
    "lab/test_join",
    "lab/test_userspace",
    "lab/test_kubectl_streams",
    "lab/test_killed_start",
    "lab/test_images",
    "lab/test_dual_stack",
    "dns/test_resolvers",
    "proxy/test_flows",
    "proxy/test_spread",
    "lab/test_spreading",
    "lab/test_service_histories",
    "lab/test_nodes",
    "lab/test_pod_spec",
    "lab/test_ends_in_between",
)


def pytest_collection_modifyitems(config, items):
    places = {name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(f"{item.path.parent.name}/{item.path.stem}", len(places)))
    left_out = set() if IS_FULL else {item for item in items if item.get_closest_marker("full") or runs_again(item)}
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def runs_again(item):
    """Whether a test that does not depend on the user is to run as another one than the weakest."""
    parameters = item.callspec.params.values() if hasattr(item, "callspec") else ()
    names = {each.name for each in parameters if isinstance(each, User)}
    return bool(names - {users()[-1].name}) and not item.get_closest_marker("each_user")
