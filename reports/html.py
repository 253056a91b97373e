"""One HTML page that holds all of a run and needs nothing else: no network, no other file, no trust in what it shows.

Every text is spelled out (see `wire_text`) and escaped on its way into the page, and the policy of the page lets
nothing run or load but its own style and script, which it names by their hashes.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from imageproof.reports.html_view import page_of
from imageproof.reports.load_page import load_page
from imageproof.reports.wire_text import plain

if TYPE_CHECKING:
    from imageproof.records.reading import Run
    from imageproof.reports.load_page import LoadView

PAGE, STYLE, SCRIPT = "page.html", "page.css", "page.js"
SECTIONS = (
    ("verdict", "Verdict"),
    ("trust", "What it is worth"),
    ("silent", "Not judged"),
    ("failures", "Failures"),
    ("timeline", "Tasks on the clock"),
    ("pictures", "Asked for, and got"),
    ("heat", "At a glance"),
    ("coverage", "Coverage"),
    ("rules", "All rules"),
    ("facts", "Cost and versions"),
)


LOAD_STYLE = "load.css"
LOAD_SECTIONS = (
    ("verdict", "Verdict"),
    ("goals", "Goals"),
    ("trust", "What it is worth"),
    ("latency", "Latency over time"),
    ("spread", "Percentiles"),
    ("throughput", "Throughput"),
    ("errors", "Errors"),
    ("fall", "Where the time went"),
    ("overhead", "Overhead"),
    ("polling", "Polling"),
    ("rules", "All goals"),
    ("facts", "Versions and options"),
)
OF_DATA = frozenset({"latency", "spread", "throughput", "errors", "fall", "overhead", "polling"})
LOAD = "load"


def render(run: Run) -> str:
    """The run as one HTML page, in less than about two million characters."""
    environment = _environment()
    is_load = run.header.what == LOAD
    names = (STYLE, LOAD_STYLE) if is_load else (STYLE,)
    style = "".join(environment.get_template(name).render() for name in names)
    script = environment.get_template(SCRIPT).render()
    page, load = load_page(run) if is_load else (page_of(run), None)
    policy = "; ".join([
        "default-src 'none'",
        "img-src data:",
        f"style-src '{hash_of(style)}'",
        f"script-src '{hash_of(script)}'",
        "base-uri 'none'",
        "form-action 'none'",
    ])  # fmt: skip
    return environment.get_template(PAGE).render(
        page=page,
        load=load,
        style=Markup(style),  # noqa: S704  (our own file)
        policy=policy,
        sections=SECTIONS if load is None else load_sections(load),
    )


def load_sections(load: LoadView) -> tuple[tuple[str, str], ...]:
    """The sections that the page of a load run has."""
    answer = (("answer", "What was asked"),) if load.special else ()
    rest = LOAD_SECTIONS[1:] if load.has_data else [item for item in LOAD_SECTIONS[1:] if item[0] not in OF_DATA]
    return (LOAD_SECTIONS[0], *answer, *rest)


def hash_of(source: str) -> str:
    """The hash by which a Content-Security-Policy names an inline style or script."""
    return "sha256-" + base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()


def harmless(value: object) -> object:
    """What a template is about to write: texts are spelled out, unless they are markup that a template made."""
    return plain(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("imageproof.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=harmless,
        trim_blocks=True,
        lstrip_blocks=True,
    )
