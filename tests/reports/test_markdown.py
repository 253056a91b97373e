"""A comment that is short enough, and deaf to what a gateway put into it."""

import re
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from imageproof.records.lines import Verdict
from imageproof.reports.markdown import MOST, block, code, render
from tests.reports.runs import HOSTILE, every_verdict, finding, footer, header, run_of

FENCED = re.compile(r"^(`{3,})text\n.*?\n\1$", re.DOTALL | re.MULTILINE)
SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)")
SUMMARY = re.compile(r"<summary><code>(.*?)</code></summary>")
OURS = re.compile(r"</?details>|</?summary>|</?code>")


def outside_of_code(text: str) -> str:
    """What is left for Markdown and HTML to act on."""
    return OURS.sub("", SPAN.sub("", SUMMARY.sub("", FENCED.sub("", text))))


def hostile_run(text: str) -> str:
    rotten = dict.fromkeys(("sentence", "expected", "actual", "reason", "by", "source", "url", "curl", "replay"), text)
    found = [finding(f"a/{verdict}{text}", verdict, **rotten) for verdict in Verdict]
    head = header(rules=len(found), target=text, spec=text, mode=text, version=text)
    return render(run_of(*found, head=head, end=footer(says=text, exit=1)))


def test_nothing_hostile_is_outside_of_code() -> None:
    left = outside_of_code(hostile_run(HOSTILE))
    for sign in ("@everyone", "<script", "<img", "[click]", "![x]", "evil.example", "\x1b", "\u202e"):
        assert sign not in left


@given(st.text(st.sampled_from("`\n\r @<>/[]()!|*_~#abc&;\\'\""), max_size=60))
def test_no_text_leaves_its_code(text: str) -> None:
    marked = f"@{text}<b>"
    left = outside_of_code(hostile_run(marked))
    assert "@" not in left
    assert "<b" not in left


@given(st.text(max_size=40))
def test_a_span_and_a_block_can_not_be_ended_from_within(text: str) -> None:
    assert SPAN.fullmatch(code(text)) is not None
    fence = block(text.replace("\r", "")).split("text", 1)[0]
    assert fence not in text


def test_titles_in_html_are_escaped() -> None:
    class Tags(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.seen: set[str] = set()

        def handle_starttag(self, tag: str, attrs: object) -> None:
            del attrs
            self.seen.add(tag)

    tags = Tags()
    tags.feed("".join(SUMMARY.findall(hostile_run("<script>x</script></code></summary>"))))
    assert tags.seen == set()


def test_failures_come_first_and_everything_else_is_folded() -> None:
    text = render(run_of(*every_verdict()))
    titles = SUMMARY.findall(text)
    assert titles == [
        "MUST reapi/submit/gpt-image-2/size/one-of + 2 blocked by it",
        "MUST reapi/polling/order",
        "SHOULD reapi/errors/auth_invalid/message",
        "Listed in the baseline, but passed: remove the entries (1)",
        "Not judged because imageproof itself failed (1)",
        "Warned (1)",
        "Failed as listed in the baseline (1)",
        "Not judged, and why (4)",
    ]
    assert text.startswith("### Failed: `imageproof verify gateway reapi`\n")
    assert "| MUST | 1 | 2 | 0 | 1 | 1 | 2 | 1 | 1 | 1 |" in text


def test_hundreds_of_long_failures_still_fit_and_are_counted() -> None:
    long = "x" * 9_000
    found = [finding(f"a/{number}", Verdict.FAILED, expected=long, actual=long, curl=long) for number in range(300)]
    text = render(run_of(*found, *(finding(f"b/{n}", Verdict.INCONCLUSIVE, reason=f"{n}{long}") for n in range(99))))
    shown = len(SUMMARY.findall(text)) - 1
    assert len(text) < MOST
    assert f"{300 - shown} more failures left out for want of space" in text
    assert text.count("<details>") == text.count("</details>")


def test_a_run_that_was_cut_off_is_no_pass() -> None:
    text = render(run_of(finding("a/1", Verdict.PASSED), cut="the run has no footer"))
    assert text.startswith("### Cut off:")
    assert "> **Note:** `the run has no footer`" in text
