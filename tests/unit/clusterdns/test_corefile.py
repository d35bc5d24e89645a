"""The language of Corefiles: words, blocks, snippets, imports, variables; and every fault is reported with its
place."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.clusterdns.corefile.blocks import Directive, Reading, ServerBlock
from fairlead.clusterdns.corefile.faults import CorefileError, CorefileFaults, FilePlace, Wrong
from fairlead.clusterdns.corefile.keys import ServerKey, key_of
from fairlead.clusterdns.corefile.values import seconds, zones
from fairlead.clusterdns.names import to_text
from tests.support.corefiles import configured


def parsed(text, files=(), environment=()) -> tuple[list[ServerBlock], list[str]]:
    faults = CorefileFaults()

    def read(pattern, _):
        found = [(name, body) for name, body in dict(files).items() if name.startswith(pattern.rstrip("*"))]
        if not found and "*" not in pattern:
            raise Wrong(f"{pattern}: No such file or directory")
        return found

    return Reading(dict(environment), read, faults).blocks(text, "Corefile"), list(map(str, faults))


def shape(directives) -> list:
    """Directives without their places."""
    return [[d.name, *d.arguments, *([shape(d.options)] if d.options else [])] for d in directives]


def test_the_parts_of_a_block():
    (block,), faults = parsed('a b:53 { # comment\n  log\n  x "two words" y {\n    z # 1\n  }\n}\n')
    assert (block.keys, faults) == (("a", "b:53"), [])
    place = FilePlace("Corefile", 3)
    inner = Directive("z", (), (), FilePlace("Corefile", 4))
    assert block.directives[1] == Directive("x", ("two words", "y"), (inner,), place)


ENVIRONMENT = {"ONE": "1", "TWO": "2", "KUBE_DNS_UPSTREAM_SERVICE_HOST": "10.0.0.5"}


@pytest.mark.parametrize(
    ("text", "directives"),
    [
        (".:53\nforward . 1.1.1.1\nlog", [["forward", ".", "1.1.1.1"], ["log"]]),
        (".:53 {\n x { y 1 }\n}", [["x", [["y", "1"]]]]),
        (".:53 {\n x {\n }\n}", [["x"]]),
        ('. {\n x "a \\"b\\" # c"\n}', [["x", 'a "b" # c']]),
        ('. {\n x "a\nb" c\n y\n}', [["x", "a\nb", "c"], ["y"]]),
        (". {\n x a#b #c\n}", [["x", "a#b"]]),
        (". {\r\n\tx\r\n}\r\n", [["x"]]),
        ("\ufeff. {\n x\n}", [["x"]]),
        (". {\n x {$ONE} {%TWO%} a{$ONE}b {$NONE}\n}", [["x", "1", "2", "a1b", ""]]),
        (". {\n x __PILLAR__CLUSTER__DNS__ __PILLAR__UPSTREAM__SERVERS__\n}", [["x", "10.0.0.5", "/etc/resolv.conf"]]),
        ('. {\n x "{" }\n}', [["x", "{", "}"]]),
        ("(s) {\n a\n b {args[0]} {args.1}\n}\n. {\n import s x y\n}", [["a"], ["b", "x", "y"]]),
        ("(s) {\n a {\n  {args[0]}\n }\n}\n. {\n import s k\n}", [["a", [["k"]]]]),
        ("(s) {\n ttl 5\n}\n. {\n a {\n  import s\n }\n}", [["a", [["ttl", "5"]]]]),
        ("(s) {\n a\n}\n(t) {\n import s\n b\n}\n. {\n import t\n}", [["a"], ["b"]]),
        (". {\n import more\n}", [["c", "1"], ["d"]]),
        (". {\n import none/*\n x\n}", [["x"]]),
    ],
)
def test_the_language(text, directives):
    (block,), faults = parsed(text, {"more": "c 1\nd\n"}, ENVIRONMENT)
    assert (shape(block.directives), faults) == (directives, [])


def test_keys_may_go_on_after_a_comma():
    (block,), _ = parsed("a.example, b.example,\nc.example {\n x\n}")
    assert block.keys == ("a.example", "b.example", "c.example")


def test_imported_files_may_hold_server_blocks():
    blocks, faults = parsed(".:53 {\n x\n}\nimport custom/*", {"custom/a.server": "b.example {\n y\n}\n"})
    assert ([block.keys for block in blocks], faults) == ([(".:53",), ("b.example",)], [])


def test_a_fault_in_an_imported_file_names_that_file():
    _, faults = parsed(". {\n import more\n}", {"more": "c\nd {\n"})
    assert faults == ["more:2: the block that begins here has no end"]


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        (". {\n  health {\n    lameduck 5s\n", ["Corefile:1: the block", "Corefile:2: the block"]),
        (". {\n}\n}", ["Corefile:3: '}' closes nothing"]),
        (". {\n x\n} y", ["Corefile:3: nothing may follow '}'"]),
        ('. {\n x "a\n}', ["Corefile:2: a quoted word has no end"]),
        (". {\n x\n {\n }\n}", ["Corefile:3: '{' must be on the line"]),
        ("{ }", ["Corefile:1: '{' must be on the line"]),
        (". {\n x\n}\nfoo", ["Corefile:4: expected 'ZONE... {', found 'foo'"]),
        (". {\n import gone\n}", ["Corefile:2: gone: No such file"]),
        (". {\n import\n}", ["Corefile:2: import needs a file"]),
        ("(s) {\n import s\n}\n. {\n import s\n}", ["Corefile:2: import s: more than 20 imports"]),
    ],
)
def test_faults_of_the_language(text, faults):
    found = parsed(text)[1]
    assert all(any(line.startswith(fault) for line in found) for fault in faults), found


PIECES = [*'.{}"#$ \n,()%', "import s", "(s) {", "a", "}\n", "{args[0]}"]


@given(st.text(max_size=60) | st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_any_text_is_a_corefile_or_has_faults(text):
    """Nothing else than a fault with a place may come of it."""
    with suppress(CorefileError):
        assert configured(text).blocks


@pytest.mark.parametrize(
    ("text", "names", "port"),
    [
        (".", ["."], None),
        (".:53", ["."], 53),
        (":5353", ["."], 5353),
        ("dns://.:53", ["."], 53),
        ("example.ORG", ["example.org."], None),
        ("10.0.0.0/8", ["10.in-addr.arpa."], None),
        ("10.0.0.0/24:53", ["0.0.10.in-addr.arpa."], 53),
        ("10.0.0.0/15", ["0.10.in-addr.arpa.", "1.10.in-addr.arpa."], None),
        ("2001:db8::/32", ["8.b.d.0.1.0.0.2.ip6.arpa."], None),
    ],
)
def test_keys(text, names, port):
    found = key_of(text)
    assert found == ServerKey(found.zones, port)
    assert [to_text(name) for name in found.zones] == names


@pytest.mark.parametrize("text", ["https://.", "foo://.", ".:0", ".:x", "10.0.0.0/40", "a..b"])
def test_keys_that_are_none(text):
    with pytest.raises(Wrong):
        key_of(text)


@pytest.mark.parametrize(
    ("text", "found"), [("5s", 5.0), ("1m30s", 90.0), ("300ms", 0.3), ("1.5h", 5400.0), ("0", 0.0), ("0s", 0.0)]
)
def test_durations(text, found):
    assert seconds(text, "x") == pytest.approx(found)


@pytest.mark.parametrize("text", ["5", "s", "5 s", "-5s", "1d", ""])
def test_invalid_durations(text):
    with pytest.raises(Wrong):
        seconds(text, "x")


def test_a_network_is_covered_by_whole_labels():
    assert len(zones("10.96.0.0/12")) == 16
    assert [to_text(zone) for zone in zones("10.64.0.0/10")][-1] == "127.10.in-addr.arpa."


def test_all_faults_of_a_file_are_reported_at_once_with_suggestions():
    text = """\
.:53 {
    erors
    view x
    kubernetes cluster.local {
        ttl many
        podz insecure
        pods sometimes
    }
    cache 30 {
        prefetch x
    }
    forward . nowhere https://1.1.1.1 {
        policy fair
    }
    loadbalance weighted /no/such/file
    rewrite nam a b
    rewrite name regex ( b
    log . {
        class warning
    }
    bind eth7
}
tls://example.org {
}
"""
    with pytest.raises(CorefileError) as caught:
        configured(text)
    lines = str(caught.value).splitlines()
    expected = {
        2: "plugin erors is unknown; known are acl, any, autopath,",
        3: "plugin view is not supported",
        5: "ttl: 'many' is not a number in range [0, 3600]",
        6: "option podz of kubernetes is not supported; known are",
        7: "pods sometimes is not one of disabled, insecure, verified",
        10: "prefetch: 'x' is not a number",
        12: "upstream https://1.1.1.1: https:// is not supported; known are dns:// and tls://",
        13: "policy fair is not one of random, round_robin, sequential",
        15: "/no/such/file: No such file or directory",
        16: "rewrite nam: is unknown; known are name, cname, type, class, ttl, rcode",
        17: "'(' is not a regular expression",
        18: "class warning is unknown; known are all, success, denial, error",
        21: "bind: 'eth7' is neither an address nor an interface that has one",
        23: "tls:// needs the directive tls CERT KEY in its server block",
    }
    for line, message in expected.items():
        assert any(found.startswith(f"Corefile:{line}: {message}") for found in lines), (line, message, lines)
    assert any("upstream nowhere" in line for line in lines)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "there is no server block"),
        (".:53 {\n forward . 1.1.1.1\n}\n.:53 {\n log\n}", "Corefile:4: zone . at port 53 is served already"),
        (". {\n cache\n cache\n}", "Corefile:3: plugin cache may stand only once"),
        (". {\n kubernetes\n}", "Corefile:2: kubernetes needs a zone"),
        (". {\n kubernetes in-addr.arpa\n}", "Corefile:2: kubernetes needs a zone that is no reverse zone"),
        (". {\n autopath @kubernetes\n}", "Corefile:2: autopath needs the plugin kubernetes"),
        (". {\n kubernetes c\n autopath /etc/resolv.conf\n}", "autopath is supported as"),
        (". {\n k8s_external a\n}", "Corefile:2: k8s_external needs the plugin kubernetes"),
        (". {\n rewrite edns0 local set 0xffee abcd\n}", "Corefile:2: rewrite edns0: is not supported"),
        (". {\n rewrite name a b answer foo\n}", "Corefile:2: rewrite name: behind the names may follow"),
        ('. {\n template IN A {\n  answer "{{ .Foo }}"\n }\n}', "Corefile:3: template: .Foo is unknown"),
        ('. {\n template IN A {\n  answer "{{ range .X }}"\n }\n}', "Corefile:3: template: {{ range .X }} is"),
        (". {\n dns64 10.0.0.0/8\n}", "Corefile:2: dns64: 10.0.0.0/8 is no IPv6 prefix"),
        (". {\n acl {\n  deny net 10.0.0.0/8\n }\n}", "Corefile:3: acl: deny is no action; known are allow, block"),
        (". {\n header {\n  set zz\n }\n}", "header: 'set zz' is not set or clear with some of aa, ra, rd"),
        (". {\n file gone\n}", "Corefile:2: gone: No such file"),
        (". {\n errors {\n  consolidate 5m\n }\n}", "option consolidate of errors is not supported"),
        ("tls://. {\n forward . 1.1.1.1\n}", "Corefile:1: tls:// needs the directive tls CERT KEY in its server block"),
        (". {\n tls cert\n}", "Corefile:2: tls needs CERT KEY [CA]"),
        (". {\n tls /none /none\n}", "Corefile:2: /none: No such file or directory"),
        (
            ". {\n tls /etc/hosts /etc/hosts {\n  client_auth request\n }\n}",
            "client_auth request is not one of nocert, verify_if_given, require_and_verify",
        ),
        (". {\n bufsize 100\n}", "bufsize: '100' is not a number in range [512, 4096]"),
        (". {\n health nowhere:8080\n}", "health: 'nowhere:8080' is not ADDRESS:PORT"),
        (". {\n health {\n  lameduck 5\n }\n}", "Corefile:3: lameduck: '5' is not a duration such as 5s"),
        (". {\n forward .\n}", "Corefile:2: forward needs FROM and TO"),
        (". {\n kubernetes a {\n  multicluster x.a\n }\n}", "kubernetes: multicluster must be a zone apart"),
        (". {\n kubernetes a {\n  labels ((\n }\n}", "Corefile:3: labels: "),
        (
            ". {\n cache {\n  serve_stale 1h sometimes\n }\n}",
            "serve_stale: 'sometimes' is not one of",
        ),
    ],
)
def test_unusable_directives_are_refused_with_their_place(text, message):
    with pytest.raises(CorefileError) as caught:
        configured(text)
    assert message in str(caught.value)
