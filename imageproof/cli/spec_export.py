"""`imageproof spec export`: a contract in a format that other tools read."""

from __future__ import annotations

import json
from pathlib import Path

import click

from imageproof.cli.refusal import Refusal, spec_named
from imageproof.cli.values import read_url, reading
from imageproof.cli.yaml_output import yaml_text
from imageproof.specs.openapi import export

FORMATS = ("json", "yaml")


@click.command("export")
@click.argument("name", metavar="SPEC")
@click.option("--openapi", is_flag=True, required=True, help="As OpenAPI 3.1, which is the only format so far.")
@click.option(
    "-o", "--output", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), help="Write to a file."
)
@click.option(
    "--format", "style", type=click.Choice(FORMATS), help="JSON if not given, or what the file's name ends in."
)
@click.option(
    "--server", metavar="URL", callback=reading(read_url), help="The root to name, if not the provider's own."
)
def export_spec(name: str, *, openapi: bool, output: Path | None, style: str | None, server: str | None) -> None:  # noqa: ARG001
    """Write a contract as OpenAPI 3.1, for schema-driven tests, mocks and code generators."""
    document = export(spec_named(name), server=server)
    as_yaml = style == "yaml" or (style is None and output is not None and output.suffix in (".yaml", ".yml"))
    text = yaml_text(document) if as_yaml else json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise Refusal(f"expected a file that can be written, got {str(output)!r}: {error.strerror}") from None
