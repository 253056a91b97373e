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

from imageproof.reports.html_view import page_of
from imageproof.reports.wire_text import plain

if TYPE_CHECKING:
    from imageproof.records.reading import Run

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


def render(run: Run) -> str:
    """The run as one HTML page, in less than about two million characters."""
    environment = _environment()
    style, script = (environment.get_template(name).render() for name in (STYLE, SCRIPT))
    policy = "; ".join([
        "default-src 'none'",
        "img-src data:",
        f"style-src '{hash_of(style)}'",
        f"script-src '{hash_of(script)}'",
        "base-uri 'none'",
        "form-action 'none'",
    ])  # fmt: skip
    return environment.get_template(PAGE).render(page=page_of(run), policy=policy, sections=SECTIONS)


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
