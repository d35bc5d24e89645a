"""Addresses to listen at, as flags take them."""

import click


def socket_address(_context: click.Context, _parameter: click.Parameter, text: str | None) -> tuple[str, int] | None:
    """Address and port of ``ADDRESS:PORT`` or ``[ADDRESS]:PORT``; None where nothing was given."""
    if not text:
        return None
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal():
        raise click.BadParameter(f"{text!r} is not ADDRESS:PORT")
    return host.strip("[]"), int(port)
