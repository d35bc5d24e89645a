"""A table that is found is changed into the wanted one, and what reads the same is left alone."""

from hypothesis import given, settings

from fairlead.dataplane import nft_rules, nft_skeleton
from fairlead.dataplane.incremental import build
from fairlead.model.addresses import IPFamily
from fairlead.netfilter.nft_listing import Listing, listing_of, read_listing, takeover
from fairlead.netfilter.nft_text import render_table
from fairlead.netfilter.ruleset import Chain, NamedSet
from fairlead.netfilter.transaction import DeleteChain, DeleteElement, DeleteSet, SetRules, apply
from tests.support.proxy_objects import endpoint, endpoint_slice, service, snapshot
from tests.unit.dataplane.test_incremental import BASE, VIEW, changes

NAME = nft_skeleton.table_name(IPFamily.IPV4)


def made(*objects):
    table, _ = build(snapshot(*objects), VIEW, BASE, nft_rules.service_part)
    return table


def found(table):
    return read_listing(render_table(NAME, table, "ours"))


@given(changes)
@settings(max_examples=60)
def test_what_is_written_can_be_read_back(objects):
    table = made(*(object_ for _, object_ in objects))
    assert found(table) == listing_of(table, IPFamily.IPV4)


@given(changes, changes)
@settings(max_examples=60)
def test_what_is_found_becomes_what_is_wanted(before, after):
    old, new = (made(*(object_ for _, object_ in objects)) for objects in (before, after))
    assert apply(takeover(found(old), new, IPFamily.IPV4), old) == new
    assert takeover(found(new), new, IPFamily.IPV4) == ()


WEB = made(service(), endpoint_slice([endpoint("10.0.0.1"), endpoint("10.0.0.2")]))


def changed(**parts):
    listing = listing_of(WEB, IPFamily.IPV4)
    return Listing(**{name: {**getattr(listing, name), **parts.get(name, {})} for name in Listing.__struct_fields__})


def test_what_a_stranger_has_added_goes():
    strange = changed(
        chains={"strange": ("accept",), "stranger": ("jump strange",)},
        sets={"odd": ("type ipv4_addr",)},
        elements={("odd", "1.1.1.1"): "1.1.1.1", ("cluster-ips", "9.9.9.9"): "9.9.9.9"},
    )
    operations = takeover(strange, WEB, IPFamily.IPV4)
    assert set(operations) == {
        DeleteElement(("odd", ("1.1.1.1",))),
        DeleteElement(("cluster-ips", ("9.9.9.9",))),
        SetRules(Chain("strange")),
        SetRules(Chain("stranger")),
        DeleteChain("strange"),
        DeleteChain("stranger"),
        DeleteSet(NamedSet("odd", ())),
    }


def test_what_a_stranger_has_changed_is_put_right():
    strange = changed(chains={"refuse": ("drop",)}, elements={("cluster-ips", "10.96.0.10"): "10.96.0.10"})
    put_right, *element = takeover(strange, WEB, IPFamily.IPV4)
    assert put_right == SetRules(WEB.chains["refuse"])
    assert len(element) == 2  # deleted, and added with its comment


def test_another_hook_or_declaration_cannot_be_changed_in_place():
    hook = {"nat-output": ("type nat hook output priority 0; policy accept;", "jump services")}
    for strange in (changed(chains=hook), changed(sets={"cluster-ips": ("type ipv6_addr",)})):
        assert takeover(strange, WEB, IPFamily.IPV4) is None
    assert takeover(changed(chains={"refuse": hook["nat-output"]}), WEB, IPFamily.IPV4) is None
