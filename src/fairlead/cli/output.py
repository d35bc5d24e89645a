"""How ``explain``, ``trace`` and ``diff`` print a tree of statements."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import click

from fairlead.cli.flags.language import language_flag

if TYPE_CHECKING:
    from fairlead.explain.cluster import Cluster
    from fairlead.explain.statements import Statement

F = TypeVar("F", bound=Callable[..., object])
FORMATS = ("text", "json", "mermaid", "dot", "svg", "html")


def output_flags(command: F) -> F:
    """The options for the format, the redaction and the language."""
    command = language_flag(anonymize_flag(command))
    return click.option("-o", "--output", type=click.Choice(FORMATS), default="text", show_default=True)(command)


def anonymize_flag(command: F) -> F:
    """The option that replaces names and addresses."""
    return click.option(
        "--anonymize", is_flag=True, help="Replace names and addresses, so that the output can be shared."
    )(command)


def show(
    output: str, subject: str, statement: "Statement", cluster: "Cluster", *,
    anonymize: bool, language: str, evidence: bool = True,
) -> None:  # fmt: skip
    """Print the tree; JSON is for programs and always English."""
    from fairlead.explain.anonymous import Anonymizer
    from fairlead.explain.languages import statement_in
    from fairlead.explain.render import graph
    from fairlead.explain.render.documents import explanation_document
    from fairlead.explain.render.text import render_text

    if anonymize:
        words = Anonymizer(cluster)
        statement, subject = words.statement(statement), words.text(subject)
    told = statement_in(language, statement)
    renderers: dict[str, Callable[[], str]] = {
        "text": lambda: render_text(statement, evidence=evidence, language=language),
        "json": lambda: json.dumps(explanation_document(subject, statement), indent=2, ensure_ascii=False) + "\n",
        "mermaid": lambda: graph.mermaid(told),
        "dot": lambda: graph.dot(told),
        "svg": lambda: graph.svg(told),
        "html": lambda: graph.html(told, language),
    }
    click.echo(renderers[output](), nl=False)
