"""`python -m imageproof.cli.docs`: write the generated pages of docs/reference, or say which are out of date."""

from __future__ import annotations

from pathlib import Path

import click

from imageproof.cli.page_cli import cli_page
from imageproof.cli.page_mock import control_page, triggers_page
from imageproof.cli.page_rules import rules_page
from imageproof.cli.page_scenarios import scenarios_page
from imageproof.cli.refusal import Refusal
from imageproof.specs.format_page import format_page
from imageproof.specs.library import load, shipped

CLONE = Path(__file__).resolve().parents[2]
RULES = "rules"


def pages() -> dict[str, str]:
    """Every generated page by its path below docs/reference."""
    defaults = [load(name) for name in shipped()]
    others = [load(f"{spec.provider}@{profile}") for spec in defaults for profile in spec.profiles[1:]]
    return {
        "cli.md": cli_page(),
        "control-api.md": control_page(),
        "scenarios.md": scenarios_page(),
        "spec-format.md": format_page(),
        "triggers.md": triggers_page(),
        **{f"{RULES}/{spec.name}.md": rules_page(spec) for spec in (*defaults, *others)},
    }


def stale(folder: Path, wanted: dict[str, str]) -> list[str]:
    """The pages below a folder that are missing, out of date, or about a contract that is gone."""
    changed = [name for name, text in wanted.items() if _read(folder / name) != text]
    gone = [
        f"{RULES}/{path.name}" for path in sorted((folder / RULES).glob("*.md")) if f"{RULES}/{path.name}" not in wanted
    ]
    return sorted(changed + gone)


def write(folder: Path, wanted: dict[str, str]) -> None:
    """Make the pages below a folder what they ought to be."""
    for name in stale(folder, wanted):
        path = folder / name
        if name not in wanted:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[name], encoding="utf-8", newline="\n")


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


@click.command()
@click.option(
    "--check", is_flag=True, help="Write nothing; end with exit code 1 and name the pages that are out of date."
)
@click.option("--root", type=click.Path(file_okay=False, path_type=Path), default=CLONE, help="The clone to work in.")
@click.pass_context
def docs(ctx: click.Context, *, check: bool, root: Path) -> None:
    """Write the generated pages of docs/reference."""
    if not (root / "pyproject.toml").is_file():
        raise Refusal(f"expected a clone of the repository, got {str(root)!r}: name one with --root")
    folder, wanted = root / "docs" / "reference", pages()
    if not check:
        write(folder, wanted)
        return
    old = stale(folder, wanted)
    if old:
        click.echo(f"out of date in docs/reference: {', '.join(old)}; run `make docs`", err=True)
        ctx.exit(1)


if __name__ == "__main__":
    docs()
