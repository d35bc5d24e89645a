"""How ``explain``, ``trace`` and ``diff`` print a tree of statements."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from fairlead.explain.cluster import Cluster
    from fairlead.explain.statements import Statement

F = TypeVar("F", bound=Callable[..., object])
FORMATS = ("text", "json", "mermaid", "dot", "svg", "html")


def output_flags(command: F) -> F:
    """The options that say how, and for whom."""
    command = anonymize_flag(command)
    return click.option("-o", "--output", type=click.Choice(FORMATS), default="text", show_default=True)(command)


def anonymize_flag(command: F) -> F:
    """The option that replaces names and addresses."""
    return click.option(
        "--anonymize", is_flag=True, help="Replace names and addresses, so that it can be shown around."
    )(command)


def show(
    output: str, subject: str, statement: "Statement", cluster: "Cluster", *, anonymize: bool, evidence: bool = True
) -> None:
    """Print the tree."""
    from fairlead.explain.anonymous import Anonymizer
    from fairlead.explain.render import graph
    from fairlead.explain.render.documents import explanation_document
    from fairlead.explain.render.text import render_text

    if anonymize:
        words = Anonymizer(cluster)
        statement, subject = words.statement(statement), words.text(subject)
    renderers: dict[str, Callable[[], str]] = {
        "text": lambda: render_text(statement, evidence=evidence),
        "json": lambda: json.dumps(explanation_document(subject, statement), indent=2, ensure_ascii=False) + "\n",
        "mermaid": lambda: graph.mermaid(statement),
        "dot": lambda: graph.dot(statement),
        "svg": lambda: graph.svg(statement),
        "html": lambda: graph.html(statement),
    }
    click.echo(renderers[output](), nl=False)
