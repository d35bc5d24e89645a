"""The logs of the parts on standard error, each line with its time: warnings, and with ``-v`` also events."""

import logging

import click


def set_up_logs(is_verbose: bool) -> None:
    """Log to standard error from now on: warnings, and events if ``verbose`` is set."""
    level = logging.INFO if is_verbose else logging.WARNING
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # which logs every request


def _set_up(_context: click.Context, _parameter: click.Parameter, is_verbose: bool) -> None:
    set_up_logs(is_verbose)


authorize_metrics_flag = click.option(
    "--authorize-metrics",
    is_flag=True,
    help="Show metrics only to bearer tokens with access to their path (TokenReview, SubjectAccessReview).",
)
verbose_flag = click.option(
    "-v",
    "--verbose",
    is_flag=True,
    expose_value=False,
    callback=_set_up,
    help="Log what happens, not only what is wrong.",
)
