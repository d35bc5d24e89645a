"""The plugin that pytest loads: options, markers, fixtures, and a section in the reports of tests that fail.

Every run of pytest loads it if this package is installed, so it imports nothing until a test requests a fixture.
"""

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from fairlead.lab import Lab, LabSpec, Namespace
    from fairlead.testing.labs import Labs

MARKER = "fairlead"
_LABS = pytest.StashKey["Labs"]()
_NOTES = pytest.StashKey[list[str]]()
_USED = pytest.StashKey[list["Namespace"]]()
_MARKER_HELP = (
    "fairlead(nodes=2, dual_stack=False, images={}, proxy_mode=None, config=None): the lab that a test needs, "
    "if it is not the default one"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("fairlead", "labs of Fairlead")
    group.addoption("--fairlead-lab", metavar="NAME", help="Use this running lab; do not start one for this run.")
    group.addoption(
        "--fairlead-keep", action="store_true", help="Keep the lab and the namespaces of failed tests for inspection."
    )
    group.addoption(
        "--fairlead-userspace",
        action="store_true",
        help="Make labs without namespaces, even if namespaces are available.",
    )
    group.addoption(
        "--fairlead-seed",
        type=int,
        metavar="N",
        help="Choose the same endpoints in every run; labs are then without namespaces.",
    )
    parser.addini("fairlead_nodes", "Number of nodes in the default lab.", default="2")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", _MARKER_HELP)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """A hook of pytest-xdist, in the process that starts workers: they share labs, which end with that process."""
    import os

    node.workerinput["fairlead_owner"] = os.getpid()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A marked test gets a ``lab`` of its kind; pytest runs the tests of one kind together."""
    if "lab" not in metafunc.fixturenames:
        return
    markers = list(metafunc.definition.iter_markers(MARKER))
    if markers:
        from fairlead.testing.markers import spec_of, title

        spec = spec_of(markers)
        metafunc.parametrize("lab", [pytest.param(spec, id=title(spec))], indirect=True, scope="session")


def _labs(config: pytest.Config) -> "Labs":
    from fairlead.testing.labs import Labs

    if _LABS not in config.stash:
        config.stash[_LABS] = Labs.of(config)
    return config.stash[_LABS]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand the notes of a worker to the process that prints the summary."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None and _LABS in session.config.stash:
        output["fairlead_notes"] = session.config.stash[_LABS].notes


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """A hook of pytest-xdist, in the process that starts workers."""
    notes = getattr(node, "workeroutput", {}).get("fairlead_notes", [])
    node.config.stash.setdefault(_NOTES, []).extend(notes)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say it if labs are not what tests usually get."""
    notes = [*config.stash.get(_NOTES, []), *(config.stash[_LABS].notes if _LABS in config.stash else ())]
    for note in dict.fromkeys(notes):
        terminalreporter.write_line(f"fairlead: {note}")


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the labs of the run, even after Ctrl-C."""
    if _LABS in config.stash:
        config.stash[_LABS].close()
    elif getattr(config, "workerinput", None) is None and config.pluginmanager.hasplugin("dsession"):
        from fairlead.testing.shared import end_shared

        end_shared(config)


@pytest.fixture(scope="session")
def lab(request: pytest.FixtureRequest) -> Iterator["Lab"]:
    """A lab: one for each kind that markers request, shared by the whole run with all its workers."""
    labs = _labs(request.config)
    spec: LabSpec | None = getattr(request, "param", None)
    made = labs.take(spec)
    yield made
    labs.give_back(made)


@pytest.fixture
def namespace(request: pytest.FixtureRequest, lab: "Lab") -> Iterator["Namespace"]:
    """A new namespace for the test; it is deleted afterwards without waiting."""
    from fairlead.testing.markers import prefix_of

    made = lab.namespace(prefix=prefix_of(request.node.name))
    request.node.stash.setdefault(_USED, []).append(made)
    yield made
    if not (request.config.getoption("--fairlead-keep") and _has_failed(request.node)):
        made.remove()


@pytest.fixture
def lab_factory(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Starts labs for one test: ``lab_factory(nodes=3)``; they end with the test."""
    from fairlead.testing.labs import Factory

    with Factory() as factory:
        request.node.stash[_FACTORY] = factory
        yield factory


_FACTORY = pytest.StashKey[Any]()
_FAILED = pytest.StashKey[bool]()


def _has_failed(item: pytest.Item) -> bool:
    return item.stash.get(_FAILED, False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Add an explanation to each failure: before the namespace is deleted, and after set-ups as well as after tests."""
    report: pytest.TestReport = yield
    if report.failed and call.when in ("setup", "call"):
        item.stash[_FAILED] = True
        if "fairlead.lab" in sys.modules:  # else the test has nothing to do with labs
            from fairlead.testing.reports import sections

            report.sections += sections(_fixture_values(item), item.stash.get(_FACTORY, None))
    return report


def _fixture_values(item: pytest.Item) -> list[Any]:
    """The values of the test's fixtures, including those of its own suite."""
    given: dict[str, Any] = getattr(item, "funcargs", {})
    return [*given.values(), *item.stash.get(_USED, [])]
