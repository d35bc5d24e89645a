"""What the parts say on standard error, each line with its time: what is wrong, and with ``-v`` what happens."""

import logging

import click


def set_up_logs(is_verbose: bool) -> None:
    """Log to standard error from now on: warnings, and if wished what happens."""
    level = logging.INFO if is_verbose else logging.WARNING
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # which tells of every request


def _set_up(_context: click.Context, _parameter: click.Parameter, is_verbose: bool) -> None:
    set_up_logs(is_verbose)


authorize_metrics_flag = click.option(
    "--authorize-metrics",
    is_flag=True,
    help="Show metrics only to bearer tokens that may get their path (TokenReview, SubjectAccessReview).",
)
verbose_flag = click.option(
    "-v",
    "--verbose",
    is_flag=True,
    expose_value=False,
    callback=_set_up,
    help="Log what happens, not only what is wrong.",
)
