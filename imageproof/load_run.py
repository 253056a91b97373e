"""Run a load test whole: record what is asked for, measure it in the wanted way, and always write the footer."""

from __future__ import annotations

from contextlib import ExitStack
from time import monotonic
from typing import TYPE_CHECKING

from imageproof.exits import ExitCode
from imageproof.load_books import BooksError, judge_books
from imageproof.load_compare import compare
from imageproof.load_generator import GeneratorError
from imageproof.load_ladder import climb
from imageproof.load_live import Live
from imageproof.load_measure import LoadState, measure, target_of
from imageproof.load_record import header_of, write_down, writer_of
from imageproof.load_search import search_capacity
from imageproof.load_upstream import RefusedError, UpstreamError
from imageproof.specs.library import load

if TYPE_CHECKING:
    from imageproof.load_config import LoadConfig
    from imageproof.load_measure import Observe, Target
    from imageproof.specs.model import Spec


def run_load(config: LoadConfig, observe: Observe | None = None) -> LoadState:
    """Run it whole. Raises SpecError or MixError before anything is sent, and OSError for a record that can't be kept.

    `observe` is called now and then while the run goes on.
    """
    spec = load(config.spec)
    config.mix_of(spec)
    state = LoadState(Live(config.melt))
    began = monotonic()
    with ExitStack() as stack:
        writer = writer_of(config, stack)
        if writer is not None:
            writer.write(header_of(config, spec))
        try:
            if config.books is not None:
                judge_books(config, spec, state, config.books)
            else:
                _measure(config, spec, state, target_of(config, spec, stack), observe)
        except KeyboardInterrupt:
            state.interrupted()
        except (UpstreamError, GeneratorError, BooksError) as error:
            is_usage = isinstance(error, RefusedError | BooksError)
            state.exit = ExitCode.USAGE if is_usage else ExitCode.UNREACHABLE
            state.says = str(error)
        finally:
            state.seconds = monotonic() - began
            if writer is not None:
                write_down(config, state, writer)
    return state


def _measure(config: LoadConfig, spec: Spec, state: LoadState, target: Target, observe: Observe | None) -> None:
    """Measure in the way that is asked for."""
    if config.capacity:
        search_capacity(config, spec, state, target, observe)
        return
    measure(config, spec, state, target, observe)
    if config.against is not None:
        compare(config, state)
    if config.ladder is not None:
        climb(config, state)
