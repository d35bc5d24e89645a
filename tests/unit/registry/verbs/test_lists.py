"""What a list costs, counted, and the order of its pages."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.model.names import ObjectKey
from fairlead.registry.selectors import Selection
from tests.support.api_world import ApiWorld, config_map
from tests.support.counted_calls import calls

NAMESPACES = "/api/v1/namespaces"
MAPS = "/api/v1/namespaces/default/configmaps"
EVERYWHERE = "/api/v1/configmaps"


@pytest.fixture(scope="module")
def states():
    """A world with few objects, and its state when there are many."""
    world, found = ApiWorld(), []
    for amount in (20, 180):
        for number in range(amount):
            world.do("POST", MAPS, config_map(f"m{amount}-{number}"))
        found.append(world.state)
    return world, found


FORMS = ["", "?limit=10000", "?resourceVersion=0", "?watch=1&resourceVersion=0"]


@pytest.mark.parametrize("url", [MAPS, EVERYWHERE])
@pytest.mark.parametrize("form", FORMS)
def test_no_function_is_called_for_each_object_of_a_whole_list(states, url, form):
    world, found = states
    counts = []
    for state in found:
        world.state = state
        counts.append(calls(lambda: world.ask("GET", url + form)))
    assert counts[1] - counts[0] < 5


def test_a_whole_list_is_what_is_stored_copied_once(states):
    world, (_, world.state) = states
    body = world.ask("GET", MAPS).body
    documents = [stored.document for _, stored in sorted(world.state.of("configmaps").items())]
    assert body.partition(b'"items":[')[2] == b",".join(documents) + b"]}"


@pytest.mark.parametrize("amount", [0, 1, 2])
def test_lists_of_few_objects_are_whole_documents(amount):
    world = ApiWorld()
    world.do("POST", NAMESPACES, {"metadata": {"name": "few"}})
    for number in range(amount):
        world.do("POST", f"{NAMESPACES}/few/secrets", {"metadata": {"name": f"s{number}"}})
    listed = json.loads(world.ask("GET", f"{NAMESPACES}/few/secrets").body)
    assert [item["metadata"]["name"] for item in listed["items"]] == [f"s{number}" for number in range(amount)]


WORDS = st.text("ab-.", max_size=3)


@given(st.sets(st.builds(ObjectKey, WORDS, WORDS)))
def test_objects_come_in_the_order_of_their_namespaces_and_names(keys):
    assert Selection().candidates(dict.fromkeys(keys)) == sorted(keys)
