"""Affinities of Pods: what is refused of them, and what a Pod's own labels make of its terms."""

import pytest

from tests.support.api_world import ApiWorld

PODS = "/api/v1/namespaces/default/pods"
REQUIRED, PREFERRED = (f"{word}DuringSchedulingIgnoredDuringExecution" for word in ("required", "preferred"))
TERM = {"topologyKey": "zone", "labelSelector": {"matchLabels": {"app": "web"}}}


def pod(affinity, **labels):
    spec = {"containers": [{"name": "c", "image": "i"}], "affinity": affinity}
    return {"metadata": {"name": "p", "labels": labels}, "spec": spec}


def near(**changes):
    return {"podAffinity": {REQUIRED: [{**TERM, **changes}]}}


def nodes(**term):
    return {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": [term]}}}


def expression(operator, *values, key="disk"):
    return {"key": key, "operator": operator, "values": list(values)}


REFUSED = [
    (near(topologyKey=""), f"podAffinity.{REQUIRED}[0].topologyKey: Required value: can not be empty"),
    (near(topologyKey="a b"), "topologyKey: Invalid value"),
    (near(namespaces=["A"]), "namespaces[0]: Invalid value"),
    (near(labelSelector={"matchExpressions": [expression("Gt", "1")]}), "not a valid selector operator"),
    (near(namespaceSelector={"matchExpressions": [expression("In")]}), "must be specified when `operator` is 'In'"),
    (near(labelSelector=None, matchLabelKeys=["a"]), "must not be specified when labelSelector is not set"),
    (near(matchLabelKeys=["a"], mismatchLabelKeys=["a"]), "exists in both matchLabelKeys and mismatchLabelKeys"),
    ({"podAntiAffinity": {PREFERRED: [{"weight": 0, "podAffinityTerm": TERM}]}}, "must be in the range 1-100"),
    ({"podAffinity": {PREFERRED: [{"weight": 1}]}}, f"{PREFERRED}[0].podAffinityTerm.topologyKey: Required value"),
    ({"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": []}}}, "must have at least one node selector term"),
    (nodes(matchExpressions=[expression("Gt", "1", "2")]), "must be specified single value when `operator` is"),
    (nodes(matchExpressions=[expression("Exists", "a")]), "may not be specified when `operator` is 'Exists'"),
    (nodes(matchExpressions=[expression("Odd")]), "not a valid selector operator"),
    (nodes(matchFields=[expression("In", "a")]), "not a valid field selector key"),
    (nodes(matchFields=[expression("In", "a", "b", key="metadata.name")]), "must be only one value when `operator`"),
    ({"nodeAffinity": {PREFERRED: [{"weight": 101, "preference": {}}]}}, "weight: Invalid value: 101"),
]


@pytest.mark.parametrize(("affinity", "told"), REFUSED)
def test_what_is_refused(affinity, told):
    message = ApiWorld().refused("POST", PODS, pod(affinity))["message"]
    assert "spec.affinity." in message
    assert told in message


def test_the_pods_own_labels_are_put_into_its_terms():
    affinity = near(matchLabelKeys=["rev", "none"], mismatchLabelKeys=["app"])
    made = ApiWorld().do("POST", PODS, pod(affinity, rev="2", app="x"))
    [term] = made["spec"]["affinity"]["podAffinity"][REQUIRED]
    assert term["labelSelector"]["matchExpressions"] == [
        {"key": "rev", "operator": "In", "values": ["2"]},
        {"key": "app", "operator": "NotIn", "values": ["x"]},
    ]
    assert term["labelSelector"]["matchLabels"] == {"app": "web"}
