"""The order of the integration tests: the files that take longest come first, so that none of them is left to run alone
when the others have ended. (A file is run by one worker, and xdist's own order is by numbers of tests.)
"""

LONGEST_FIRST = (
    "test_postgres_example",
    "test_examples",
    "test_lab_pods",
    "test_lab_life",
    "test_kubectl_script",
    "test_proxy_flows",
    "test_kubectl_streams",
    "test_lab_workloads",
    "test_outside",
    "test_lab_nodes",
    "test_join",
    "test_dual_stack",
    "test_dns_process",
    "test_dns_resolvers",
    "test_proxy_spread",
    "test_proxy_process",
)


def pytest_collection_modifyitems(items):
    places = {name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(places)))
