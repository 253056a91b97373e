"""One page that needs nothing else, trusts nothing it shows, and leaves no failure out."""

import base64
import dataclasses
import functools
import hashlib
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imageproof.records.lines import Evidence, Picture, Verdict
from imageproof.records.reading import Run, read_run
from imageproof.reports.html import render
from tests.reports.html_runs import Seen, exchange, life, run_with, seen
from tests.reports.runs import (
    HOSTILE,
    HOSTILE_TOKENS,
    coverage,
    every_verdict,
    finding,
    footer,
    header,
    killed_run,
    pictures,
    run_of,
    sample_run,
)

ATTACKS = (
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "javascript:alert(1)",
    "</style><style>*{display:none}</style>",
    "</title><base href=https://evil.example/>",
    "{{ 7*7 }}{% raw %}",
    "data:text/html,<script>alert(1)</script>",
    HOSTILE,
)
LIMIT = 2_000_000
RATIO = 4.5  # of WCAG's level AA, for text


def rotten(text: str) -> Run:
    """A run in which a stranger wrote all there is to write."""
    fields = dict.fromkeys(("sentence", "expected", "actual", "reason", "by", "source", "url", "curl", "replay"), text)
    found = [
        finding(f"a/{verdict}{text}", verdict, **fields, more=(text,), evidence=Evidence(bad=1, good=2))
        for verdict in Verdict
    ]
    head = header(target=text, spec=text, title=text, mode=text, started=text, config={text: text}, what="client")
    said = [exchange(1, sent=text, got=text, task=text), exchange(2, sent=f"{text}!", got=text, task=text)]
    picture = Picture(
        exchange=1, case=text, asked_width=1, asked_height=1, asked_format=text, format=text, thumbnail=text, note=text,
        width=1, height=1,
    )  # fmt: skip
    run = run_with(said, *found, head=head)
    end = footer(says=text, exit=1, notes=(text,))
    return dataclasses.replace(run, pictures=(picture,), coverage=coverage(), footer=end)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    return seen(read_run(sample_run(tmp_path_factory.mktemp("runs"))))


def test_nothing_is_loaded_from_anywhere(sample: Seen) -> None:
    assert all(value.startswith("data:image/jpeg;base64,") for value in sample.values("src"))
    loading = {"link", "iframe", "object", "embed", "base", "use", "image", "video", "audio", "source", "form"}
    assert {tag for tag, _ in sample.elements} & loading == {"form"}, "the form is the filter, which goes nowhere"
    assert all(not form.get("action") for form in sample.all("form"))
    page = render(rotten("x"))
    assert "url(" not in page
    assert "@import" not in page


def test_the_policy_names_the_only_style_and_the_only_script() -> None:
    page = render(rotten(HOSTILE))
    policy = next(found["content"] for found in Seen(page).all("meta") if found.get("http-equiv"))
    assert policy is not None
    assert policy.startswith("default-src 'none'; img-src data:; ")
    for tag in ("style", "script"):
        sources = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        assert len(sources) == 1
        digest = base64.b64encode(hashlib.sha256(sources[0].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_no_style_stands_in_an_attribute_as_the_policy_would_drop_it(sample: Seen) -> None:
    assert sample.values("style") == []


def shape(page: Seen) -> tuple[set[str], dict[str, int]]:
    """The kinds of elements, and how many there are of those that can do harm; lines of a table may come and go."""
    kinds = Counter(tag for tag, _ in page.elements)
    return set(kinds), {tag: kinds[tag] for tag in ("script", "style", "img", "a", "form", "button", "meta", "title")}


@functools.cache
def innocent_shape() -> tuple[set[str], dict[str, int]]:
    return shape(seen(rotten("harmless")))


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_a_stranger_wrote_stays_text(attack: str) -> None:
    page = render(rotten(attack))
    found = Seen(page)
    innocent = seen(rotten("harmless"))
    assert shape(found) == shape(innocent)
    assert {name for _, given in found.elements for name in given} <= {
        name for _, given in innocent.elements for name in given
    }
    assert all(value.startswith(("#", "https://reapi.ai/")) for value in found.values("href"))
    assert not any(token in page for token in HOSTILE_TOKENS)


@settings(max_examples=30)
@given(st.text(st.sampled_from("<>\"'&/=`{}%#\n\x00\x1b\u202e abc;-!"), min_size=1, max_size=40))
def test_no_text_makes_or_ends_an_element(text: str) -> None:
    assert shape(seen(rotten(f"x{text}x"))) == innocent_shape()


def test_every_rule_is_there_and_every_failure_is_told_at_length(sample: Seen) -> None:
    cards = [found["id"] for found in sample.all("article", "card")]
    wordy = (Verdict.FAILED, Verdict.STALE, Verdict.ERRORED, Verdict.WARNED, Verdict.KNOWN)
    expected = {f"finding-{at}" for at, item in enumerate(every_verdict(), start=1) if item.verdict in wordy}
    assert set(cards) == expected
    assert len(sample.all("tr", "rule")) == len(every_verdict())
    for item in every_verdict():
        assert item.rule in sample.text


def test_what_is_blocked_hangs_below_its_root_cause(sample: Seen) -> None:
    text = sample.text
    cause = text.index("status 200: the request was accepted")
    assert "2 blocked by it" in text[cause : text.index("pending after processing")]


def test_all_ids_are_unique_and_all_links_within_the_page_arrive(sample: Seen) -> None:
    for page in (sample, seen(rotten("x"))):
        ids = page.values("id")
        assert len(ids) == len(set(ids))
        inner = {value[1:] for value in page.values("href") if value.startswith("#")}
        assert inner <= set(ids)
        assert set(page.values("aria-labelledby")) <= set(ids)


def test_headings_come_in_order_and_tables_have_captions(sample: Seen) -> None:
    levels = [int(tag[1]) for tag, _ in sample.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert len(sample.all("caption")) == len(sample.all("table"))
    assert sample.all("a", "skip")[0]["href"] == "#main"
    assert len(sample.all("nav")) == len(sample.all("main")) == 1


def test_a_pair_marks_only_what_differs(sample: Seen) -> None:
    assert sample.marked[:2] == ["7:7", "1:1"]
    assert len(sample.all("tr", "is-changed")) == 1


def test_a_baseline_entry_can_be_pasted(sample: Seen) -> None:
    assert '- rule: "reapi/submit/gpt-image-2/size/one-of"' in sample.text
    assert 'expires: "2026-12-21"' in sample.text, "thirty days behind the run"


def test_a_verdict_says_what_it_cost_and_what_it_is_worth(sample: Seen) -> None:
    assert "$0.0055 = 5.5 credits, of $0.50 (1.1 %)" in sample.text
    assert "imageproof itself failed on 1 rule" in sample.text
    assert "(exit code 1)" in sample.text


def test_pictures_that_are_not_as_asked_for_come_first_and_say_why(sample: Seen) -> None:
    assert "3 pictures looked at, 2 not as asked for" in sample.text
    listed = [found["class"] for found in sample.all("li") if found.get("class") in ("odd", "right")]
    assert listed == ["odd", "odd", "right"]


def test_a_thumbnail_that_is_no_jpeg_is_not_shown() -> None:
    odd = dataclasses.replace(run_of(), pictures=(picture_of("PHN2Zz4="), picture_of("/9j/4AAQ")))
    assert seen(odd).values("src") == ["data:image/jpeg;base64,/9j/4AAQ"]


def picture_of(thumbnail: str) -> Picture:
    return Picture(exchange=1, case="", asked_width=1, asked_height=1, asked_format="png", thumbnail=thumbnail)


def test_a_run_that_was_cut_off_says_so_first(tmp_path: Path) -> None:
    page = seen(read_run(killed_run(tmp_path)))
    assert "cut off" in page.text[: page.text.index("Verdicts by level")]
    assert "the run was killed while it wrote" in page.text


def test_an_empty_run_is_a_page_that_says_nothing_was_judged() -> None:
    page = seen(dataclasses.replace(run_of(cut="cut off"), exchanges={}))
    assert "nothing was judged: this is no pass" in page.text
    for said in ("No rule that was judged failed.", "No task was submitted.", "No image was looked at."):
        assert said in page.text
    assert page.all("tr", "rule") == []


def test_a_thousand_exchanges_with_huge_answers_stay_below_two_megabytes() -> None:
    many = [exchange(number, sent=f'{{"n": {number}}}', got=f"{number} <&> " * 20_000) for number in range(1, 801)]
    many += life("task_long", first=801, polls_s=[float(number) for number in range(1, 200)])
    found = [
        finding(f"reapi/size/{number}", Verdict.FAILED, actual="<&>" * 1000, curl='"' * 9000,
                evidence=Evidence(bad=number, good=number + 1, others=(number + 2,)))
        for number in range(1, 601)
    ]  # fmt: skip
    thumbnail = "/9j/" + "A" * 8_000
    images = (*pictures(), *(picture_of(thumbnail) for _ in range(300)))
    page = render(dataclasses.replace(run_with(many, *found), pictures=images))
    assert len(page.encode()) < LIMIT
    text = Seen(page).text
    assert all(item.rule in text for item in found)


def test_colours_of_text_have_enough_contrast_by_day_and_by_night() -> None:
    style = re.findall(r"<style>(.*?)</style>", render(run_of()), re.DOTALL)[0]
    day, night = (dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", part)) for part in _themes(style))
    assert day.keys() == night.keys()
    tones = ("ink", "faint", "link", "passed", "failed", "warned", "known", "stale", "errored", "open")
    for theme in (day, night):
        for ground in ("paper", "sheet"):
            low = {tone: contrast(theme[tone], theme[ground]) for tone in tones}
            assert min(low.values()) >= RATIO, low
        for ground in ("failed-wash", "passed-wash", "mark", "mark-good"):
            assert contrast(theme["ink"], theme[ground]) >= RATIO


def _themes(style: str) -> tuple[str, str]:
    day, night, _print = style.split(":root {")[1:]
    return day, night


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, as WCAG defines it."""
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
