"""Settings of the DNS server: a YAML file of our own, or a Corefile; both become ``DnsOptions``.

An unknown setting, plugin or option is an error that names it, never silently ignored: a name server that quietly does
less than its file says is worse than one that does not start.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from fairlead.app.dns.flags import Flags
from fairlead.app.dns.options import DnsOptions
from fairlead.app.dns.settings_blocks import options_of
from fairlead.app.dns.settings_file import DnsSettings
from fairlead.app.dns.surroundings import MachineFiles
from fairlead.clusterdns.configuration import configuration_of
from fairlead.clusterdns.corefile.faults import CorefileError


class SettingsError(ValueError):
    """A configuration that cannot be used; the message names the file and the place of each fault."""


@dataclass
class ConfigurationSource:
    """The source of a configuration, and the last content read from it.

    Attributes:
        name: of the file; by its ending ``.yaml`` or ``.yml`` it is ours, else a Corefile.
        text: gives the text as it is now; raises ``OSError``.
        every: seconds between looks; None for never.
        machine: the files that were read with it.
        adapt: what else is done to the options of each reading.
    """

    name: str
    text: Callable[[], str]
    flags: Flags
    every: float | None = None
    machine: MachineFiles = field(default_factory=MachineFiles)
    adapt: Callable[[DnsOptions], DnsOptions] = field(default=lambda options: options)
    _main: str = ""
    _follows: bool = False

    def load(self) -> DnsOptions:
        """The options that it stands for now.

        Raises:
            SettingsError: it cannot be read or used.
        """
        try:
            main = self._main if self._main and not self._follows else self.text()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{self.name}: {error}") from error
        machine = MachineFiles()
        options, every = self._options(main, machine)
        self._main, self._follows, self.machine = main, every is not None, machine
        looks = [*machine.watched.values(), *([every] if every is not None else [])]
        self.every = min(looks, default=None)
        return replace(self.adapt(options), version=hashlib.sha512(main.encode()).hexdigest())

    def fingerprint(self) -> str:
        """A value that changes when one of the files changes, appears or disappears.

        Raises:
            OSError, UnicodeDecodeError: the file itself cannot be read.
        """
        parts = [self.text()] if self._follows else []
        paths = [*self.machine.watched, *(self.machine.imported if self._follows else ())]
        digest = hashlib.sha512("\0".join(parts).encode())
        for path in paths:
            digest.update(b"\0" + (path.read_bytes() if path.is_file() else b"\xff"))
        return digest.hexdigest()

    def _options(self, text: str, machine: MachineFiles) -> tuple[DnsOptions, float | None]:
        try:
            if self.name.endswith((".yaml", ".yml")):
                settings = msgspec.yaml.decode(text, type=DnsSettings)
                return self.flags.over(options_of(settings, machine), machine), settings.reload
            options, every = corefile_options(text, self.name, machine)
            return self.flags.over(options, machine), every
        except CorefileError as error:
            raise SettingsError(str(error)) from error
        except (msgspec.DecodeError, ValueError) as error:
            raise SettingsError(f"{self.name}: {error}") from error


def corefile_options(text: str, name: str, machine: MachineFiles) -> tuple[DnsOptions, float | None]:
    """The options that a Corefile stands for, and the seconds between looks at it.

    Raises:
        CorefileError: something is wrong with it.
    """
    found = configuration_of(text, name, machine.surroundings(), machine.environment, machine.imports)
    process = found.process
    options = DnsOptions(
        blocks=found.blocks,
        access=process.access,
        health=tuple(dict.fromkeys(process.health)),
        ready=tuple(dict.fromkeys(process.ready)),
        metrics=tuple(dict.fromkeys(process.metrics)),
        lameduck=process.lameduck,
    )
    return options, process.reload


def source_of(path: Path, flags: Flags) -> ConfigurationSource:
    """The source that a file is."""
    return ConfigurationSource(str(path), path.read_text, flags)


def options_from(path: Path | None, flags: Flags) -> tuple[DnsOptions, ConfigurationSource | None]:
    """The options that a file stands for, or the defaults, with what the command line says, and how to read them again.

    Raises:
        SettingsError: the file cannot be read or used, or a value makes no sense.
    """
    if path is not None:
        source = source_of(path, flags)
        return source.load(), source
    machine = MachineFiles()
    try:
        settings = DnsSettings(outside=None)
        return flags.over(options_of(settings, machine), machine), None
    except ValueError as error:
        raise SettingsError(str(error)) from error
