"""The page of a load run in a real browser: no complaint, and no name covers another or leaves its drawing."""

import json
import re
from pathlib import Path

import pytest

from imageproof.reports.html import render
from tests.reports.load_runs import load_run, polled_jobs, run_with, sample, slices
from tests.reports.test_html_browser import browser, dumped

__all__ = ["browser"]

MEASURE = """<script>
const boxes = (part, css) => [...part.querySelectorAll(css)].map(
  (text) => [text.textContent, text.getBoundingClientRect()]);
const covers = (one, other) => one.left < other.right - 1 && other.left < one.right - 1 && one.top < other.bottom - 3
  && other.top < one.bottom - 3;
const troubles = [];
for (const chart of document.querySelectorAll("svg.chart")) {
  const own = chart.getBoundingClientRect(), said = chart.getAttribute("aria-label").slice(0, 60);
  if (!own.width || !own.height) troubles.push(said + ": is not shown");
  for (const css of [".x-tick", ".y-tick", ".name", ".level-name"]) {
    const found = boxes(chart, css);
    found.forEach(([text, box], at) => {
      const leaves = box.left < own.left - 12 || box.right > own.right + 12;
      if (leaves) troubles.push(said + ": " + text + " leaves the drawing");
      for (const [other, place] of found.slice(at + 1)) {
        if (covers(box, place)) troubles.push(said + ": " + text + " covers " + other);
      }
    });
  }
}
const wide = document.documentElement.scrollWidth > document.documentElement.clientWidth;
if (wide) troubles.push("the page is wider than its window");
document.title = JSON.stringify([document.querySelectorAll("svg.chart").length, troubles]);
</script></body>"""


def measured(browser: str, source: str, tmp_path: Path) -> tuple[int, list[str], str]:
    """How many charts there are, what is wrong with them, and what the browser had to say.

    The policy is taken out of the page, so that it can be measured by a script.
    """
    page = tmp_path / "page.html"
    opened = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", source)
    page.write_text(opened.replace("</body>", MEASURE), encoding="utf-8")
    after, complaints = dumped(browser, page, "", tmp_path / "profile")
    title = after.text.strip().split("\n")[0]
    charts, troubles = json.loads(title)
    return charts, troubles, complaints


def test_the_page_runs_under_its_own_policy(browser: str, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(render(load_run(polled_jobs())), encoding="utf-8")
    after, complaints = dumped(browser, page, "rule-2", tmp_path / "profile")
    assert complaints == ""
    assert after.all("html")[0]["data-ready"] == "yes"


def test_no_name_covers_another_or_leaves_its_drawing(browser: str, tmp_path: Path) -> None:
    charts, troubles, complaints = measured(browser, render(load_run(polled_jobs())), tmp_path)
    assert troubles == []
    assert complaints == ""
    assert charts > 12


@pytest.mark.parametrize("count", [1, 2, 2_000])
def test_few_and_many_slices_are_drawn_in_their_place(browser: str, tmp_path: Path, count: int) -> None:
    long = "a-fault-of-a-name-that-is-long"
    samples = [
        *slices(count),
        *(
            sample("errors.by", 1.0, float(at), fault=fault)
            for at in range(min(count, 50))
            for fault in ("gateway", long)
        ),
        *(sample("trial", 10.0 * 2**number, goals=goals) for number, goals in enumerate(["met", "met", "missed", "?"])),
        sample("capacity", 20.0),
        *(sample("ladder.hold", 30.0 * n, jobs="3", done=str(3 - n % 2), trouble=long * 9) for n in (1, 2, 3)),
        sample("difference", 0.1, number=long, before="1", noise="no", low="0.05", high="90"),
        sample("difference", -0.1, number="e2e.p50", before="1", noise="yes", low="-1", high="1"),
    ]
    charts, troubles, complaints = measured(browser, render(run_with(samples)), tmp_path)
    assert troubles == []
    assert complaints == ""
    assert charts >= 6


def test_the_measure_would_have_found_it(browser: str, tmp_path: Path) -> None:
    source = render(run_with(slices(5)))
    spoilt = re.sub(r'(<text class="x-tick") x="[\d.]+"', r'\1 x="500"', source)
    charts, troubles, _ = measured(browser, spoilt, tmp_path)
    assert charts >= 2
    assert any("covers" in trouble for trouble in troubles)
