"""The order of the integration tests: the files that take longest come first, so that none of them is left to run alone
when the others have ended. (A file is run by one worker, and xdist's own order is by numbers of tests.)
"""

LONGEST_FIRST = (
    "examples/test_postgres_example",
    "examples/test_all_examples",
    "lab/test_pods",
    "lab/test_life",
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


def pytest_collection_modifyitems(items):
    places = {name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(f"{item.path.parent.name}/{item.path.stem}", len(places)))
