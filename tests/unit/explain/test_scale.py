"""What an explanation costs among many Services: it grows with what is asked about, not with the cluster."""

import sys

from fairlead.explain.doctor.examine import examine
from fairlead.explain.doctor.ward import Ward
from fairlead.explain.proxying import Proxying
from fairlead.explain.subjects import explain, parse_subject
from tests.support.cluster_dumps import cluster, endpoint_slice, pod, service, system


def many(count):
    """That many Services with two Pods each."""
    documents = system()
    for number in range(count):
        labels, ips = {"app": f"a{number}"}, [f"10.{number // 250 + 1}.{number % 250}.{n}" for n in (1, 2)]
        documents.append(service(f"s{number}", f"172.16.{number // 250}.{number % 250}", selector=labels))
        documents += [pod(f"p{number}-{n}", labels, ip=ip) for n, ip in enumerate(ips)]
        documents.append(endpoint_slice(f"s{number}", ips))
    return cluster(documents)


def calls(function):
    """How many calls of Python functions it takes."""
    count = 0

    def profile(_, event, __):
        nonlocal count
        count += event == "call"

    sys.setprofile(profile)
    try:
        function()
    finally:
        sys.setprofile(None)
    return count


def cost_of_explaining(count):
    read = many(count)
    subject = parse_subject("svc/s7")
    explain(read, subject, Proxying())  # indexes are made once
    return calls(lambda: explain(read, subject, Proxying()))


def cost_of_examining(count):
    read = many(count)
    return calls(lambda: examine(read))


def test_one_service_costs_the_same_among_many():
    few, lots = cost_of_explaining(20), cost_of_explaining(400)
    assert lots <= few * 1.1 + 2 * 400  # nothing but a look at each Pod of the Namespace for near misses


def test_an_examination_grows_with_the_services_and_no_faster():
    few, lots = map(cost_of_examining, (40, 400))
    assert lots <= few * 10 * 1.3


def cost_of_near_misses(pods):
    labels = {"app": "web"}
    ward = Ward(cluster([service("s", selector={"app": "wbe"}), *(pod(f"p{n}", labels) for n in range(pods))]))
    (broken,) = ward.services
    assert len(ward.labelled_in("default")) == 1
    return calls(lambda: ward.near(broken)), calls(lambda: ward.near(broken))


def test_a_selector_is_compared_once_with_each_set_of_labels():
    few, lots = map(cost_of_near_misses, (2, 50))
    assert lots == few
    assert lots[1] < lots[0] / 5  # the second check finds what the first has found
