"""The page of a load run: everything that was measured is drawn and told, and nothing it holds can break it."""

import re
from pathlib import Path

import pytest

from imageproof.records.lines import Finding, Sample, Verdict
from imageproof.records.reading import read_run
from imageproof.reports.html import render
from tests.reports.html_runs import Seen
from tests.reports.load_runs import held_jobs, load_run, polled_jobs, run_with, sample, slices
from tests.reports.runs import HOSTILE, HOSTILE_TOKENS, header, run_of, write_run
from tests.reports.test_html import RATIO, contrast

LIMIT = 2_000_000
SECTIONS = ("verdict", "goals", "trust", "latency", "spread", "throughput", "errors", "fall", "overhead", "polling")


@pytest.fixture(scope="module")
def page() -> str:
    return render(load_run(polled_jobs()))


@pytest.fixture(scope="module")
def seen(page: str) -> Seen:
    return Seen(page)


def words_of(seen: Seen) -> str:
    """The texts of a page, with a space between any two."""
    return " ".join(" ".join(seen.texts).split())


def names_of(seen: Seen) -> str:
    """What the drawings say to who can't see them."""
    return "\n".join(found["aria-label"] or "" for found in seen.all("svg"))


def test_every_part_is_there_and_linked(seen: Seen) -> None:
    ids = seen.values("id")
    assert len(ids) == len(set(ids))
    assert set(SECTIONS) <= set(ids)
    links = [link[1:] for link in seen.values("href") if link.startswith("#")]
    assert set(links) <= set(ids)
    assert not {"timeline", "pictures", "heat", "coverage"} & set(ids)


def test_all_that_was_measured_is_drawn(seen: Seen) -> None:
    said = names_of(seen)
    for text in (
        "End to end over time, in percentiles: p50 from",
        "First call: submit over time",
        "Percentiles of jobs: ",
        "e2e p50 ",
        "Percentiles of requests: submit p50",
        "Histogram of lag: 270 values",
        "Jobs each second over time; in all offered",
        "Jobs that had arrived and not ended",
        "Errors each second by who is to blame",
        "A polled job on average: submit",
    ):
        assert text in said


def test_each_drawing_of_data_can_be_read_as_a_table(page: str) -> None:
    figures = re.findall(r'<figure class="drawn">.*?</figure>', page, re.DOTALL)
    tables = [part for part in figures if "The same as a table" in part]
    histograms = [part for part in figures if 'aria-label="Histogram of' in part]
    assert len(tables) + len(histograms) == len(figures)
    assert len(tables) >= 8


def test_goals_are_told_with_what_they_rest_on(seen: Seen) -> None:
    text = words_of(seen)
    assert "✕ fail run.p50<1s" in text
    assert "? invalid e2e.p99.9<6s" in text
    assert "✓ pass submit.p90<200ms" in text
    assert "270 samples are too few to tell: about 10,000 are needed" in text
    assert text.index("fail run.p50<1s") < text.index("invalid e2e.p99.9<6s") < text.index("pass submit.p90<200ms")
    assert "270 samples" in text
    assert "goals missed" in text


def test_every_job_is_accounted_for(seen: Seen) -> None:
    text = words_of(seen)
    for name in ("lost", "duplicated", "orphaned", "swapped", "invented", "short"):
        assert re.search(rf"✓ pass {name} 0 300 jobs", text), name


def test_without_the_books_of_the_upstream_the_counts_are_unknown() -> None:
    text = words_of(Seen(render(load_run(polled_jobs(80), upstream=False, goals=()))))
    assert "? unknown duplicated none" in text
    assert "✓ pass lost 0 80 jobs" in text
    assert "No goal was set" in text


def test_the_notes_and_the_warm_up_are_told(seen: Seen) -> None:
    assert "the generator had time to spare" in seen.text
    assert "30 jobs of the warm-up, until 3 s, are in the charts over time, shaded, and nowhere else." in seen.text
    assert seen.all("rect", "warm")


def test_a_limit_near_the_values_is_drawn_and_a_far_one_is_told(page: str) -> None:
    near = re.search(r'<text class="level-name limit"[^>]*>([^<]*)</text>', page)
    assert near is not None
    assert near[1] == "e2e.p99.9&lt;6s"
    assert "The limit of submit.p90&lt;200ms (200 ms) is far above." in page or "submit.p90&lt;200ms</text>" in page


def test_the_waterfall_adds_up(page: str) -> None:
    fall = page[page.index('id="h-fall"') : page.index('id="h-overhead"')]
    bars = re.findall(r'<rect class="part-(\w+)" x="([\d.]+)" y="[\d.]+" width="([\d.]+)"', fall)
    parts = {name: (float(x), float(width)) for name, x, width in bars}
    whole_end = sum(parts["whole"])
    last = parts["download"]
    assert last[0] + last[1] == pytest.approx(whole_end, abs=8)
    assert parts["run"][0] >= sum(parts["submit"]) - 1


def test_percentiles_that_rest_on_too_few_values_are_marked(seen: Seen) -> None:
    text = words_of(seen)
    assert re.search(r"e2e [\d.]+ s [\d.]+ s ~[\d.]+ s ~", text)


def test_a_held_call_has_no_polls_and_one_chart_over_time() -> None:
    seen = Seen(render(load_run(held_jobs(), goals=())))
    assert "Nothing was polled." in seen.text
    said = names_of(seen)
    assert "First call" not in said
    assert "A held job on average: late" in said


def test_without_errors_it_says_so() -> None:
    text = Seen(render(load_run(held_jobs(), goals=()))).text
    assert "No measured request went wrong." in text


def test_a_run_that_measured_nothing_is_a_page() -> None:
    seen = Seen(render(run_with([])))
    assert "latency" not in seen.values("id")
    assert not [link for link in seen.values("href") if link in ("#latency", "#polling")]
    assert "nothing was judged: this is no pass" in seen.text


def test_a_run_that_was_cut_off_is_a_page(tmp_path: Path) -> None:
    head = header(what="load", config={"goals": "errors<1%"})
    text = Seen(render(read_run(write_run(tmp_path / "cut", [head, *slices(3)])))).text
    assert "cut off" in text
    assert "No goal was judged: the run did not come so far." in text


def test_one_value_is_a_dot() -> None:
    seen = Seen(render(load_run(held_jobs(1), goals=(), exit_code=0)))
    assert seen.all("circle", "dot")
    assert "Histogram of generate: 1 values" in names_of(seen)


def test_ten_thousand_points_stay_a_page_of_bearable_size() -> None:
    page = render(run_with(slices(10_000)))
    assert len(page) < LIMIT
    assert max(page.count("<title>", at, at + 200_000) for at in range(0, len(page), 200_000)) < 3_000
    assert "9,400 more rows are left out" in page.replace("9400", "9,400")


@pytest.mark.parametrize("value", [0.0, 1e-9, 1e9, -1.0])
def test_odd_values_are_drawn(value: float) -> None:
    samples = [
        *slices(2),
        sample("latency", value, 0.0, phase="first", percent="50", samples="1"),
        *(sample("curve", value, phase="submit", percent=text) for text in ("0", "50", "100")),
        sample("bar", 3, phase="submit", from_=str(value), to=str(value)),
        sample("submit.p50", value, measured="corrected", samples="3", unit="s"),
        sample("waterfall", value, sort="polled", part="run"),
        sample("waterfall", value, sort="polled", part="whole"),
        sample("waterfall", 3, sort="polled", part="jobs"),
    ]
    page = render(run_with(samples))
    assert "nan" not in page.lower().replace("finance", "")
    assert all(re.fullmatch(r"-?[\d.]+", text) for text in re.findall(r' (?:x|y|width|height)="([^"]*)"', page))
    assert not re.search(r'(?:width|height)="-', page)


def test_samples_with_other_labels_than_theirs_are_left_out() -> None:
    bad = [
        sample("curve", 1.0, phase="submit"),
        sample("curve", 1.0, phase="submit", percent="many"),
        sample("bar", 1.0, phase="submit", from_="a", to="b"),
        sample("latency", 1.0, phase="e2e", percent="50", samples="x"),
        sample("submit.p50", 1.0, measured="corrected", samples="?"),
        sample("difference", 1.0, number="e2e.p50", before="much"),
        sample("e2e.p50", float("inf"), measured="corrected", samples="3"),
    ]
    assert render(run_with([*bad, *slices(2)])).count("<svg") == render(run_with(slices(2))).count("<svg")


def test_what_a_stranger_wrote_does_no_harm() -> None:
    found = Finding(rule=f"load/goal/{HOSTILE}", level="MUST", verdict=Verdict.FAILED, sentence=HOSTILE, actual=HOSTILE)
    samples = [
        *slices(3),
        sample("errors.by", 1.0, fault=HOSTILE),
        sample(f"errors.{HOSTILE}", 1.0),
        sample(f"jobs.{HOSTILE}", 1.0),
        sample("trial", 5.0, goals=HOSTILE, says=HOSTILE),
        sample("ladder.hold", 30.0, jobs="3", done="1", trouble=HOSTILE),
        sample("difference", 0.1, number=HOSTILE, before="1", noise="no"),
        sample("curve", 1.0, phase=HOSTILE, percent="50"),
        sample("bar", 1.0, phase=HOSTILE, from_="1", to="2"),
        sample("waterfall", 1.0, sort=HOSTILE, part=HOSTILE),
        sample("waterfall", 1.0, sort=HOSTILE, part="whole"),
        sample("waterfall", 1.0, sort=HOSTILE, part="jobs"),
    ]
    page = render(run_with(samples, [found], exit_code=1, against=HOSTILE))
    assert not [token for token in HOSTILE_TOKENS if token in page]
    assert page.count("<script") == 1
    assert "<img" not in page
    assert Seen(page).all("svg", "chart")


def test_long_names_stay_in_their_place() -> None:
    name = "a-very-long-name-of-a-phase-that-nobody-would-choose" * 3
    found = Finding(rule=f"load/goal/{name}", level="MUST", verdict=Verdict.PASSED, sentence=f"{name} is below 1 s")
    samples = [
        sample("curve", value, phase="submit" if number % 2 else f"partial.{name}", percent=percent)
        for number, (value, percent) in enumerate([(1.0, "50"), (2.0, "50"), (3.0, "99"), (4.0, "99")])
    ]
    seen = Seen(render(run_with(samples, [found])))
    assert all(len(text.strip()) < 120 for text in _texts(render(run_with(samples, [found]))))
    assert "partial.a-very-lo…" in seen.text


def _texts(page: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", page)


def test_colours_of_charts_have_enough_contrast_by_day_and_by_night(page: str) -> None:
    style = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)[0]
    themes = [dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6});", part)) for part in style.split(":root {")[1:]]
    day = themes[0] | themes[3]
    night = themes[1] | themes[4]
    for theme in (day, night):
        tones = [theme[f"s{number}"] for number in range(7)]
        assert min(contrast(tone, theme["paper"]) for tone in tones) >= RATIO
        assert contrast(theme["faint"], theme["warm"]) >= RATIO


def test_the_verdict_names_what_the_run_was_for() -> None:
    def title(*samples: Sample, exit_code: int = 0, findings: tuple[Finding, ...] = ()) -> str:
        page = render(run_with(samples, findings, exit_code=exit_code))
        return str(re.findall(r"<h1>.*?</span> (.*?)</h1>", page)[0])

    judged = Finding(rule="load/goal/errors<1%", level="MUST", verdict=Verdict.PASSED, sentence="errors", judged=9)
    lost = Finding(rule="load/conservation/lost", level="MUST", verdict=Verdict.FAILED, sentence="no job is lost")
    difference = sample("difference", 0.1, number="e2e.p50", before="1", noise="no", low="0.05", high="0.2")
    assert title(sample("trial", 5.0, goals="met"), sample("capacity", 5.0)) == "it carries 5/s"
    assert title(sample("trial", 5.0, goals="missed"), exit_code=1) == "no rate meets the goals"
    assert title(sample("ladder.hold", 30.0, jobs="3", done="3")) == "every rung came through"
    assert title(sample("ladder.hold", 30.0, jobs="3", done="1"), exit_code=1) == "a rung gave way"
    assert title(difference) == "A and B differ"
    assert title(findings=(judged,)) == "all goals met"
    assert title(findings=(judged, lost), exit_code=1) == "jobs are missing, or not what was ordered"
    assert title(exit_code=1) == "the target gave way"
    assert title(exit_code=4) == "no valid measurement"
    assert title(exit_code=5) == "ended early"
    assert title(exit_code=3) == "the target could not be reached, or imageproof itself failed"


def test_other_runs_have_no_charts_of_load() -> None:
    page = render(run_of())
    assert "--s0" not in page
    assert 'class="chart' not in page
