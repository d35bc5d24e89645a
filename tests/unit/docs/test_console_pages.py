"""Allowed and refused differences in the test of the pages."""

import pytest

from tests.support.console_pages import Command, Comparison, SavedFile, steps

PAGE = """
Save this:

```yaml title="web.yaml"
kind: Pod
```

```console
$ kubectl apply \\
>   -f web.yaml
pod/web created

$ true
```
"""


def test_files_and_commands_are_read_in_order():
    assert list(steps(PAGE)) == [
        SavedFile("web.yaml", "kind: Pod\n"),
        Command("kubectl apply \\\n  -f web.yaml", "pod/web created"),
        Command("true", ""),
    ]


@pytest.mark.parametrize(
    ("page", "run", "is_same"),
    [
        ("web  Running  2s", "web Running   14s", True),
        ("web Running", "web Pending", False),
        ("a\n...\nz", "a\nb\nc\nz\n", True),
        ("a\n...\nz", "a\nb\nc", False),
        ("10.244.1.2 then 10.244.1.2", "10.244.2.9 then 10.244.2.9", True),
        ("10.244.1.2 then 10.244.1.2", "10.244.2.9 then 10.244.2.8", False),
        ("10.244.1.2 then 10.244.1.3", "10.244.2.9 then 10.244.2.9", False),
        ("10.96.0.10", "10.96.0.11", False),
        ("192.168.64.11", "192.168.64.12", False),
        ("shop-wngcq9cl9m-lkrlk", "shop-wngcq9cl9m-2tcwj", True),
        ("shop-wngcq9cl9m-lkrlk", "shop", False),
        ("nodes:30080/TCP 127.0.0.1:41234", "nodes:30080/TCP 127.0.0.1:53000", True),
        ("nodes:30080/TCP", "nodes:30081/TCP", False),
        ("", "something", False),
    ],
)
def test_only_what_a_run_chooses_may_differ(page, run, is_same):
    assert Comparison().fits(page, run) is is_same


def test_a_choice_applies_to_the_rest_of_the_page():
    comparison = Comparison()
    assert comparison.fits("IP: 10.244.1.2", "IP: 10.244.2.7")
    assert comparison.fits("A 10.244.1.2", "A 10.244.2.7")
    assert not comparison.fits("A 10.244.1.2", "A 10.244.1.2")
    assert not comparison.fits("A 10.244.1.9", "A 10.244.2.7"), "another address of the page, the same of the run"
