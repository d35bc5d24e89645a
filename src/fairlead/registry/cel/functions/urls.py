"""URLs: apiserver ``pkg/cel/library/urls.go``. They are absolute, or a path that begins with a slash."""

from typing import Any
from urllib.parse import SplitResult, parse_qs, quote, unquote, urlsplit

from celpy import celtypes

from fairlead.registry.cel.functions.results import Function, parses, text

_SAFE = "/%:@!$&'()*+,;=~-._"


def _url(given: str) -> SplitResult:
    if any(character <= " " or character == "\x7f" for character in given):
        raise ValueError(f'URL parse error during conversion from string: parse "{given}": invalid character')
    parts = urlsplit(str(given))
    if not parts.scheme and not given.startswith("/"):
        raise ValueError(f'URL parse error during conversion from string: parse "{given}": invalid URI for request')
    _ = parts.port  # raises for what is no number
    return parts


def _host_name(url: SplitResult) -> str:
    return url.netloc.rpartition("@")[2].removeprefix("[").partition("]")[0] if "[" in url.netloc else _host(url)[0]


def _host(url: SplitResult) -> tuple[str, str]:
    host, _, port = url.netloc.rpartition("@")[2].partition(":")
    return host, port


def _query(url: SplitResult) -> Any:
    found = parse_qs(url.query, keep_blank_values=True)
    lists = {name: celtypes.ListType(map(celtypes.StringType, values)) for name, values in found.items()}
    return celtypes.MapType({celtypes.StringType(name): values for name, values in lists.items()})


FUNCTIONS: dict[str, Function] = {
    "url": _url,
    "isURL": parses(_url),
    "getScheme": text(lambda url: url.scheme),
    "getHost": text(lambda url: url.netloc.rpartition("@")[2]),
    "getHostname": text(_host_name),
    "getPort": text(lambda url: "" if url.port is None else str(url.port)),
    "getEscapedPath": text(lambda url: quote(unquote(url.path), safe=_SAFE) if "%" not in url.path else url.path),
    "getQuery": _query,
}
