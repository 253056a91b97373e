"""Judge books that were written before: those of a run, or of the plain `locust` command. Nothing is sent.

Beside the books of a run stands what else was noted (`beside.json`), so that the same verdicts come of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from imageproof.load_judge import judged
from imageproof.load_measure import conclude
from imageproof.load_upstream import Upstream
from imageproof.loadtests.books import Job
from imageproof.loadtests.lines import Beat, Made

if TYPE_CHECKING:
    from pathlib import Path

    from imageproof.load_config import LoadConfig
    from imageproof.load_measure import LoadState
    from imageproof.specs.model import Spec

BOOKS = "books.jsonl"
BESIDE = "beside.json"


class BooksError(Exception):
    """A file is no books of a load run. The message is a sentence for a person."""


class Noted(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a run knows beside its jobs. `upstream` are the mock's jobs as it told them, None where nobody asked.

    `clock` is how many seconds of the provider passed in a real one, None for an unknown number; `is_disturbed` says
    that the upstream was asked to fail, `molten` why the run was ended, `why` how the generator did.
    """

    clock: float | None = None
    beats: list[Beat] = msgspec.field(default_factory=list)
    upstream: Sequence[Mapping[str, object]] | None = None
    upstream_cpu: float | None = None
    was_cut: bool = False
    is_disturbed: bool = False
    molten: str = ""
    why: str = ""


def write_books(folder: Path, state: LoadState) -> None:
    """Write every job and call, those past the target too, and what was noted beside. Raises OSError."""
    live = state.live
    encode = msgspec.json.Encoder().encode
    jobs = (*live.jobs, *live.direct)
    (folder / BOOKS).write_bytes(b"".join(encode(job) + b"\n" for job in jobs))
    found = state.judged
    noted = Noted(
        clock=found.results.clock if found is not None else None,
        beats=live.beats,
        upstream=state.upstream,
        upstream_cpu=live.upstream_cpu,
        was_cut=state.was_cut,
        is_disturbed=live.is_disturbed,
        molten=state.molten,
        why=live.why,
    )
    (folder / BESIDE).write_bytes(encode(noted))


def read_books(path: Path) -> tuple[list[Job], Noted]:
    """The jobs of a file, or of the folder of a run, and what was noted beside. Raises BooksError."""
    file = path / BOOKS if path.is_dir() else path
    decoder = msgspec.json.Decoder(Job)
    jobs = []
    for number, line in enumerate(_bytes(file).splitlines(), start=1):
        try:
            jobs.append(decoder.decode(line))
        except msgspec.MsgspecError as error:
            raise BooksError(
                f"expected a job of a load run in {file}, line {number}, got {line[:60]!r}: {error}"
            ) from None
    beside = file.parent / BESIDE
    if not beside.exists():
        return jobs, Noted()
    try:
        return jobs, msgspec.json.decode(_bytes(beside), type=Noted)
    except msgspec.MsgspecError as error:
        raise BooksError(f"expected what a load run noted beside its books in {beside}: {error}") from None


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise BooksError(f"expected to read {file}, got {error.strerror or error}") from None


def judge_books(config: LoadConfig, spec: Spec, state: LoadState, path: Path) -> None:
    """Fill the state from books. Raises BooksError, or UpstreamError where the mock is to be asked now."""
    jobs, noted = read_books(path)
    for job in jobs:
        late = config.warm_up_s > job.intended_s and not job.warm_up
        state.live.saw(Made(job=msgspec.structs.replace(job, warm_up=True) if late else job), 0.0)
    live = state.live
    live.beats, live.upstream_cpu, live.why = noted.beats, noted.upstream_cpu, noted.why
    live.is_disturbed = noted.is_disturbed
    state.was_cut, state.molten = noted.was_cut, noted.molten
    clock = noted.clock or config.scale
    if config.upstream is not None:
        upstream = Upstream(config.upstream, spec, config.upstream_key or config.key)
        state.upstream, clock = upstream.jobs(), upstream.clock_rate()
    elif noted.upstream is not None:
        state.upstream = noted.upstream
    if live.jobs:
        state.judged = judged(live, state.upstream, spec, goals=config.goals, clock=clock, was_cut=state.was_cut)
    conclude(state, str(path))
