"""The reference page of the command line, from the commands themselves."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import click

from imageproof.cli.lazy import LazyGroup
from imageproof.cli.main import cli
from imageproof.cli.markdown import code, page, section, table, text
from imageproof.exits import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator

INTRODUCTION = """
A SPEC is the name of a contract that comes with imageproof or the path of a YAML file, everywhere; `@PROFILE` behind it
picks another profile than the first. Output is plain text without colours, or JSON where a command has `--json`.
"""


def cli_page() -> str:
    """The page as Markdown."""
    parts = [_command(name, command) for name, command in commands("imageproof", cli)]
    return page("Command line", INTRODUCTION.splitlines(), *parts, _exit_codes())


def commands(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    """A command and all below it, each with its full name."""
    yield name, command
    if isinstance(command, LazyGroup):
        for inner, lazy in command.lazy.items():
            yield from commands(f"{name} {inner}", lazy.load())


def _command(name: str, command: click.Command) -> list[str]:
    with click.Context(command, info_name=name) as ctx:
        usage = " ".join([name, *command.collect_usage_pieces(ctx)])
    help_text = inspect.cleandoc(command.help or "").replace("\b\n", "")
    options = [param for param in command.params if isinstance(param, click.Option) and not param.hidden]
    rows = [_option(command, option) for option in options]
    has_environment = any(row[-1] for row in rows)
    head = ["Option", "What it does", "Default", *(["Environment"] if has_environment else [])]
    words = "\n\n".join(text(part) for part in help_text.split("\n\n"))
    tables = [table(head, (row[: len(head)] for row in rows)), _below(command)]
    return section(name, ["```", usage, "```", "", words, *(line for part in tables if part for line in ("", *part))])


def _below(command: click.Command) -> list[str]:
    """The commands of a group."""
    if not isinstance(command, LazyGroup):
        return []
    return table(["Command", "What it does"], ((code(name), text(lazy.help)) for name, lazy in command.lazy.items()))


def _option(command: click.Command, option: click.Option) -> list[str]:
    names = ", ".join(option.opts)
    prefix = command.context_settings.get("auto_envvar_prefix")
    variable = f"{prefix}_{option.name}".upper() if prefix else ""
    return [code(f"{names} {_value(option)}".strip()), text(option.help or ""), code(_default(option)), code(variable)]


def _value(option: click.Option) -> str:
    if option.is_flag:
        return ""
    if isinstance(option.type, click.Choice):
        return "|".join(option.type.choices)
    return option.metavar or option.type.name.upper()


def _default(option: click.Option) -> str:
    """The default as one writes it; nothing for a flag, and for an option that does nothing when it is left out."""
    return str(option.default) if isinstance(option.default, str | int) and not option.is_flag else ""


def _exit_codes() -> list[str]:
    return section(
        "Exit codes", table(["Code", "Meaning"], ([code(item.value), text(item.meaning)] for item in ExitCode))
    )
