"""A lab as an object: started and stopped, or attached to while it runs."""

import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from fairlead.app.lab.commands import enter
from fairlead.app.lab.config_nodes import ConfigError, ProxyMode
from fairlead.app.lab.fork import LabError
from fairlead.app.lab.host.options import LabOptions
from fairlead.drivers.lab.running_labs import RunningLab
from fairlead.lab.asynchronous import AsyncScope
from fairlead.lab.connection import LabConnection
from fairlead.lab.hosting import start_owned
from fairlead.lab.namespace import Namespace
from fairlead.lab.nodes import NodeHandle, add_node
from fairlead.lab.options import Wishes
from fairlead.lab.scope import Scope
from fairlead.model.names import dns1123_label_errors

if TYPE_CHECKING:
    from fairlead.drivers.lab.host_process import HostProcess

START_SECONDS = 120.0
DEFAULT = "default"


@dataclass(frozen=True)
class LabSpec:
    """The specification of a lab; a field that is left out has the default of ``fairlead up``.

    Attributes:
        nodes: the number of nodes; by default two.
        images: the command of this machine that runs for an image, by pattern of the image's name.
        proxy_mode: what the nodes' proxies write: nftables or iptables.
        config: a configuration file (docs/lab.md).
        data: a folder that keeps the lab's objects after it ends.
        publish: whether node ports and load balancers answer on this machine's loopback.
        pull: whether to pull images that are not on this machine and have no substitute command.
        userspace: whether the lab uses loopback instead of namespaces; None: only if namespaces are refused.
        seed: makes such a lab choose the same endpoints for the same connections in every run.
    """

    nodes: int | None = None
    dual_stack: bool = False
    images: Mapping[str, str] = field(default_factory=dict)
    proxy_mode: ProxyMode | None = None
    config: Path | None = None
    data: Path | None = None
    publish: bool = False
    pull: bool = False
    userspace: bool | None = None
    seed: int | None = None


class SpecFields(TypedDict, total=False):
    """The fields of a ``LabSpec``, for calls that take them as keyword arguments."""

    nodes: int | None
    dual_stack: bool
    images: Mapping[str, str]
    proxy_mode: ProxyMode | None
    config: Path | None
    data: Path | None
    publish: bool
    pull: bool
    userspace: bool | None
    seed: int | None


class Lab(Scope):
    """A cluster on this machine; its calls work in the namespace ``default``, those of ``namespace()`` in another.

    ::

        with Lab(LabSpec(nodes=3)) as lab:
            lab.apply("app.yaml")
            lab.wait_ready()
            assert lab.run("curl -s http://web/").stdout == "hello"

    A lab that this program starts ends with the program, even if the program is killed. A lab that it attaches to keeps
    running.

    Args:
        spec: the specification of the lab.
        name: the name for commands such as ``fairlead status``; by default an unused one.
        timeout: seconds within which it must become ready.
        tell: called with lines about the progress.
    """

    def __init__(
        self,
        spec: LabSpec | None = None,
        *,
        name: str = "",
        timeout: float = START_SECONDS,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._wanted = name or f"lab-{secrets.token_hex(4)}"
        if dns1123_label_errors(self._wanted):
            raise LabError(f"name {name!r}: use only lower case letters, digits and '-', at most 63 characters")
        self._spec, self._patience, self._tell = spec or LabSpec(), timeout, tell
        self._process: HostProcess | None = None
        self._is_running = False

    @classmethod
    def attach(cls, name: str) -> "Lab":
        """Attach to a running lab.

        Raises:
            LabError: there is none of that name on this host.
        """
        lab = cls(name=name)
        lab._connect(enter.find_home(name))
        return lab

    @property
    def name(self) -> str:
        return self._wanted

    @property
    def aio(self) -> AsyncScope:
        """The same calls for asynchronous code."""
        return AsyncScope(self)

    @property
    def is_running(self) -> bool:
        """Whether this object has started or attached to the lab, and has neither stopped it nor detached from it."""
        return self._is_running

    @property
    def running(self) -> RunningLab:
        """The paths of the lab's files; raises LabError when it does not run."""
        if not self._is_running:
            raise LabError(f'lab "{self.name}" is not running: use it in a `with` block, or call start() first')
        return self._connection.lab

    def start(self, *, owner: int | None = None) -> "Lab":
        """Start it, and return when everything in it is ready.

        Args:
            owner: the lab ends with this process; None: this one; ``NOBODY``: the lab runs until it is stopped.

        Raises:
            LabError: it cannot be started; nothing is left of it. The message says what to do.
        """
        settled, self._process = start_owned(self._options(), owner, self._tell)
        self._connect(settled.lab)
        return self

    def _options(self) -> LabOptions:
        spec = self._spec
        choices = spec.proxy_mode, spec.dual_stack, spec.publish
        wishes = Wishes(
            spec.nodes,
            spec.config,
            spec.images,
            *choices,
            pull=spec.pull,
            userspace=spec.userspace,
            seed=spec.seed,
        )
        try:
            settings = wishes.settings()
        except ConfigError as error:
            raise LabError(str(error)) from error
        data = spec.data and Path(os.path.abspath(spec.data))
        return LabOptions(self.name, data, (), settings, self._patience, userspace=spec.userspace)

    def _connect(self, running: RunningLab) -> None:
        super().__init__(LabConnection(running), DEFAULT)
        self._is_running = True

    def stop(self) -> None:
        """Stop the lab, and return when only its data folder is left. Raises LabError when it does not end."""
        running = self.running
        self.detach()
        if self._process:
            self._process.end()
            self._process = None
        enter.end(running)

    def detach(self) -> None:
        """Detach from the lab, and leave it running."""
        if self._is_running:
            self._is_running = False
            self._connection.close()

    def __enter__(self) -> "Lab":
        return self if self._is_running else self.start()

    def __exit__(self, *_: object) -> None:
        if self._is_running:
            self.stop()

    def __repr__(self) -> str:
        return f"<Lab {self.name}{'' if self._is_running else ', not running'}>"

    def namespace(self, name: str = "", *, prefix: str = "test-") -> Namespace:
        """The namespace of this name, or else a new one whose name begins with the prefix."""
        return Namespace(self._connection, name) if name else Namespace.made(self._connection, prefix)

    def node(self, name: str) -> NodeHandle:
        """A node, by its name."""
        return NodeHandle(self.running, name)

    def add_node(self, name: str = "", labels: Mapping[str, str] | None = None) -> NodeHandle:
        """Add a node, and return when it is Ready; its default name is ``node-NUMBER``. Raises LabError."""
        return add_node(self.running, name, labels or {})
