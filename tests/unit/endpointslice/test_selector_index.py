"""The selector index finds what a scan would find, and touches only what is near."""

from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from fairlead.endpointslice.selector_index import SelectorIndex
from fairlead.model.labels import contains
from fairlead.model.names import ObjectKey
from tests.support.cluster_objects import make_pod

labels = st.dictionaries(st.sampled_from("kl"), st.sampled_from("vw"), max_size=2)
names = st.sampled_from(["x", "y", "z"])


@settings(max_examples=60)
@given(st.lists(st.tuples(st.booleans(), names, labels | st.none()), max_size=25))
def test_the_index_answers_as_a_scan_would(changes):
    index = SelectorIndex()
    pods, selectors = {}, {}
    for is_pod, name, value in changes:
        if is_pod:
            new = None if value is None else make_pod(name, labels=value)
            index.put_pod(pods.pop(name, None), new)
            pods |= {name: new} if new else {}
        else:
            index.put_selector(ObjectKey("default", name), value)
            selectors[name] = value
    for name, selector in selectors.items():
        found = sorted(pod.name for pod in index.pods_of(ObjectKey("default", name)))
        assert found == sorted(p.name for p in pods.values() if selector and contains(p.labels, selector))
    for pod in pods.values():
        found = sorted(owner.name for owner in index.owners_of(pod))
        assert found == sorted(
            name for name, selector in selectors.items() if selector and contains(pod.labels, selector)
        )


class CountingLabels(Mapping):
    """Labels that count how often they are read."""

    reads = 0

    def __init__(self, pairs):
        self.pairs = pairs

    def __getitem__(self, key):
        CountingLabels.reads += 1
        return self.pairs[key]

    def __iter__(self):
        return iter(self.pairs)

    def __len__(self):
        return len(self.pairs)


def counting_pod(name, app):
    pod = make_pod(name)
    pairs = CountingLabels({"app": app, "tier": "front"})
    return structs.replace(pod, metadata=structs.replace(pod.metadata, labels=pairs))


def test_cost_does_not_grow_with_the_pods_of_other_services():
    def reads_for(others):
        index = SelectorIndex()
        for i in range(others):
            index.put_pod(None, counting_pod(f"other-{i}", f"app-{i}"))
            index.put_selector(ObjectKey("default", f"svc-{i}"), {"app": f"app-{i}", "tier": "front"})
        mine = counting_pod("mine", "web")
        index.put_pod(None, mine)
        index.put_selector(ObjectKey("default", "web"), {"app": "web", "tier": "front"})
        CountingLabels.reads = 0
        assert list(index.owners_of(mine)) == [ObjectKey("default", "web")]
        assert index.pods_of(ObjectKey("default", "web")) == [mine]
        return CountingLabels.reads

    assert reads_for(1000) == reads_for(10)
