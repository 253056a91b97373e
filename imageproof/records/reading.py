"""Read run.jsonl back: every line is checked, and a run that was cut off is read as far as it goes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from imageproof.records.lines import FORMAT, Coverage, Exchange, Finding, Footer, Header, Line, Picture, Sample
from imageproof.records.writing import NAME

if TYPE_CHECKING:
    from collections.abc import Mapping


class RunError(Exception):
    """A file that is no run of imageproof. The message says what is wrong, and where."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run as it was written down. `footer` None: it did not come to its end; `cut` says so in a sentence."""

    path: Path
    header: Header
    exchanges: Mapping[int, Exchange] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    coverage: tuple[Coverage, ...] = ()
    pictures: tuple[Picture, ...] = ()
    samples: tuple[Sample, ...] = ()
    footer: Footer | None = None
    cut: str | None = None


def run_file(path: Path) -> Path:
    """The run.jsonl of a folder, or the file itself. Raises RunError when there is none."""
    found = path / NAME if path.is_dir() else path
    if not found.is_file():
        raise RunError(f"expected a folder with a {NAME}, or such a file, got {path}: there is no {found}")
    return found


def read_run(path: Path) -> Run:
    """Read a run from its folder or file. Raises RunError for a file that is none, naming the line that is wrong."""
    found = run_file(path)
    lines, cut = _lines(found)
    if not lines or not isinstance(lines[0], Header):
        raise RunError(
            f"expected a header as the first line of {found}, got {_named(lines)}: it is no run of imageproof"
        )
    header = [line for line in lines if isinstance(line, Header)][-1]  # a run that was gone on with has several
    if header.format > FORMAT:
        raise RunError(
            f"expected format {FORMAT} of {found}, got {header.format}: it was written by a newer imageproof, "
            "so upgrade to read it"
        )
    footers = [line for line in lines if isinstance(line, Footer)]
    if cut is None and not footers:
        cut = "the run has no footer: it was cut off, and only what was found before is here"
    return Run(
        path=found,
        header=header,
        exchanges={line.id: line for line in lines if isinstance(line, Exchange)},
        findings=_last_of_each([line for line in lines if isinstance(line, Finding)]),
        coverage=tuple(line for line in lines if isinstance(line, Coverage)),
        pictures=tuple(line for line in lines if isinstance(line, Picture)),
        samples=tuple(line for line in lines if isinstance(line, Sample)),
        footer=footers[-1] if footers else None,
        cut=cut,
    )


def _last_of_each(findings: list[Finding]) -> tuple[Finding, ...]:
    """One finding for each rule, the last one: a resumed run may have judged again."""
    return tuple({finding.rule: finding for finding in findings}.values())


def _named(lines: list[Line]) -> str:
    return type(lines[0]).__name__.lower() if lines else "nothing"


def _lines(path: Path) -> tuple[list[Line], str | None]:
    """All lines; a last line that was cut in the middle is left out, and said to be."""
    decoder = msgspec.json.Decoder(Line)
    out: list[Line] = []
    raw = path.read_bytes().split(b"\n")
    for number, text in enumerate(raw, start=1):
        if not text.strip():
            continue
        try:
            out.append(decoder.decode(text))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            if number == len(raw):
                return out, f"the last line of {path} is cut off: the run was killed while it wrote"
            raise RunError(f"{path}:{number}: expected a line of a run, got something else: {error}") from None
    return out, None
