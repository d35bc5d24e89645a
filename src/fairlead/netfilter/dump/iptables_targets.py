"""Targets of iptables' rules, as ``iptables-save`` writes them: iptables-extensions(8)."""

from collections.abc import Callable, Mapping

from fairlead.model.addresses import parse_ip
from fairlead.netfilter.dump.values import (
    ChainCall,
    DumpedEndpoint,
    HideSource,
    Part,
    RuleVerdict,
    SetMark,
    Unknown,
    always,
)


def _number(text: str) -> int | None:
    try:
        return int(text, 0)
    except ValueError:
        return None


def _set_mark(options: Mapping[str, str]) -> tuple[Part, ...]:
    """xmark, as iptables(8) has it: clear the bits of the mask, then flip those of the value."""
    for word, text in options.items():
        value, slash, mask = text.partition("/")
        number, bits = _number(value), _number(mask) if slash else 0xFFFFFFFF
        if number is None or bits is None:
            break
        if word == "--or-mark":
            return (SetMark(number, number),)
        if word == "--xor-mark":
            return (SetMark(0, number),)
        if word == "--and-mark":
            return (SetMark(0xFFFFFFFF & ~number, 0),)
        if word == "--set-xmark":
            return (SetMark(bits, number),)
        if word == "--set-mark":
            return (SetMark(bits | number, number),)
    return (Unknown(f"-j MARK {options}"),)


def _connection_mark(options: Mapping[str, str]) -> tuple[Part, ...]:
    """Only a restore changes the packet's mark: a new connection has none, unless an earlier rule set one."""
    if "--restore-mark" not in options:
        return ()
    mask = _number(options.get("--nfmask") or options.get("--mask") or "0xffffffff")
    if mask is None:
        return (Unknown(f"-j CONNMARK {options}"),)
    return (Unknown("-j CONNMARK --restore-mark"), SetMark(mask, 0))


def _dnat(options: Mapping[str, str]) -> tuple[Part, ...]:
    text = options.get("--to-destination", "")
    address, colon, port = text.rpartition(":") if "]" in text or text.count(":") == 1 else (text, "", "")
    is_address = not address or parse_ip(address.strip("[]")) is not None
    if not text or not is_address or (colon and not port.isdigit()):
        return (Unknown(f"-j DNAT {options}"),)
    return (always(DumpedEndpoint(address.strip("[]") or None, int(port) if port else None)),)


_TARGETS: Mapping[str, Callable[[Mapping[str, str]], tuple[Part, ...]]] = {
    "": lambda _: (),
    "ACCEPT": lambda _: (RuleVerdict("accept"),),
    "DROP": lambda _: (RuleVerdict("drop"),),
    "REJECT": lambda _: (RuleVerdict("reject"),),
    "RETURN": lambda _: (RuleVerdict("return"),),
    "MARK": _set_mark,
    "CONNMARK": _connection_mark,
    "MASQUERADE": lambda _: (HideSource(),),
    "SNAT": lambda options: (HideSource(options.get("--to-source", "").partition(":")[0]),),
    "DNAT": _dnat,
    "REDIRECT": lambda options: (Unknown(f"-j REDIRECT {dict(options)}"),),
}
# Targets that report a packet, or change parts of it that no rule here looks at.
_HARMLESS = frozenset(
    {"LOG", "NFLOG", "ULOG", "AUDIT", "TRACE", "TCPMSS", "CHECKSUM", "DSCP", "TOS", "ECN", "TTL", "HL", "CLASSIFY"}
    | {"SECMARK", "CONNSECMARK", "LED", "IDLETIMER", "RATEEST"}
)
_OTHERS = frozenset({"NFQUEUE", "QUEUE", "TPROXY", "CT", "NOTRACK", "TEE", "SET", "NETMAP", "SYNPROXY", "BALANCE"})


def target_parts(target: str, options: Mapping[str, str], goes: bool) -> tuple[Part, ...]:
    """The actions of a target; none if it changes nothing.

    Args:
        options: the words after the target, with their values.
        goes: whether a called chain does not return here.
    """
    if target in _TARGETS:
        return _TARGETS[target](options)
    if target in _HARMLESS:
        return ()
    if target in _OTHERS:
        return (Unknown(f"-j {target} {' '.join(f'{k} {v}' for k, v in options.items())}".strip()),)
    return (ChainCall(target, returns=not goes),)
