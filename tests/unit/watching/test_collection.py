"""A copy of a collection, beside answers to writes of a history that has ended."""

import msgspec
import pytest

from fairlead.model.names import ObjectKey
from fairlead.watching.collection import Collection
from fairlead.watching.life import DOUBTED, Life, Watch
from tests.support.proxy_objects import service

KEY = ObjectKey("ns", "web")


def at(version):
    """The Service as of a version."""
    made = service()
    metadata = msgspec.structs.replace(made.metadata, resource_version=str(version))
    return msgspec.structs.replace(made, metadata=metadata)


@pytest.mark.parametrize(("written", "is_borne_out"), [(8, True), (10, True), (12, False)])
def test_a_list_confirms_the_writes_before_its_version(written, is_borne_out):
    copy = Collection(lambda old, new: None)
    copy.begin_list()
    copy.learn(at(written))
    assert copy.replace({KEY: at(10)}, 10) is is_borne_out
    assert copy.objects[KEY].version == written


def test_the_next_list_counts_again():
    copy = Collection(lambda old, new: None)
    copy.begin_list()
    copy.learn(at(99))  # the last word of a server before it went back
    copy.replace({KEY: at(10)}, 10)
    copy.take(at(11))
    assert copy.objects[KEY].version == 99
    copy.begin_list()
    assert copy.replace({KEY: at(11)}, 11)
    assert copy.objects[KEY].version == 11


def test_a_list_that_lacks_a_write_is_followed_by_another():
    life = Life().listed("10", 0.0, 0.5, is_borne_out=False)
    step = life.step
    assert isinstance(step, Watch)
    assert step.seconds <= DOUBTED[1]
    life = life.opened(1.0).ended(1.0 + step.seconds, 0.5)
    assert life.version == ""  # what is to be done is a list
    assert Life().listed("10", 0.0, 0.5).opened(1.0).ended(70.0, 0.5).version == "10"
