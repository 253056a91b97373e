"""Pages of runs for the tests: rendered, and read back as a browser would find their elements."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from html.parser import HTMLParser

from imageproof.records.lines import Content, Exchange, Finding, Header, Request, Response
from imageproof.records.reading import Run
from imageproof.reports.html import render
from tests.reports.runs import JSON, SUBMIT, header, run_of

Attributes = dict[str, str | None]


class Seen(HTMLParser):
    """The elements of a page with their attributes, and the text outside of style and script."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, Attributes]] = []
        self.texts: list[str] = []
        self.marked: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] in ("style", "script"):
            return
        self.texts.append(data)
        if self._open and self._open[-1] == "mark":
            self.marked.append(data)

    @property
    def text(self) -> str:
        return "".join(self.texts)

    def all(self, tag: str, css: str = "") -> list[Attributes]:
        """The attributes of the elements with a tag, and with a class if one is given."""
        return [found for name, found in self.elements if name == tag and (not css or css in _classes(found))]

    def values(self, attribute: str) -> list[str]:
        return [value for _, found in self.elements if (value := found.get(attribute)) is not None]


def _classes(found: Attributes) -> list[str]:
    return (found.get("class") or "").split()


def seen(run: Run) -> Seen:
    """Render a run and read the page."""
    return Seen(render(run))


def run_with(exchanges: Iterable[Exchange], *findings: Finding, head: Header | None = None) -> Run:
    """A run of these exchanges and findings."""
    run = run_of(*findings, head=head or header(rules=len(findings)))
    return dataclasses.replace(run, exchanges={item.id: item for item in exchanges})


def exchange(number: int, *, sent: str = "", got: str = "", at_s: float = 0.0, task: str | None = None) -> Exchange:
    """One exchange: a POST when something is sent, else a GET."""
    return Exchange(
        id=number,
        case="a case",
        request=Request(method="POST" if sent else "GET", url=SUBMIT, body=_content(sent) if sent else None),
        began_s=at_s,
        ended_s=at_s + 0.25,
        response=Response(status=200, body=_content(got)),
        task=task,
    )


def life(task: str, *, first: int, polls_s: Iterable[float]) -> list[Exchange]:
    """A submit at second 10, and polls so many seconds after it."""
    submit = exchange(first, sent="{}", at_s=10.0, task=task)
    times = enumerate(polls_s, start=first + 1)
    return [submit, *(exchange(number, at_s=10.0 + at_s, task=task) for number, at_s in times)]


def _content(text: str) -> Content:
    return Content(size=len(text), kind=JSON, text=text)
