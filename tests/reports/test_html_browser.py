"""The page in a real browser: the script runs under the page's own policy, without an error."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from imageproof.records.lines import Verdict
from imageproof.records.reading import read_run
from imageproof.reports.html import render
from tests.reports.html_runs import Seen
from tests.reports.runs import every_verdict, sample_run

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--enable-logging=stderr")
PATIENCE_S = 90


@pytest.fixture(scope="module")
def browser() -> str:
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("chromium is not installed, so the HTML report was not seen in a browser: install it to run this")
    return found


def dumped(browser: str, page: Path, anchor: str, profile: Path) -> tuple[Seen, str]:
    """The page as it is after its script has run, and what the browser had to say about it."""
    url = f"{page.as_uri()}#{anchor}"
    done = subprocess.run(
        [browser, *FLAGS, f"--user-data-dir={profile}", "--dump-dom", url],
        capture_output=True, text=True, timeout=PATIENCE_S, check=True,
    )  # fmt: skip
    return Seen(done.stdout), "\n".join(re.findall(r".*CONSOLE.*", done.stderr))


def test_the_script_runs_without_error_and_opens_the_rule_that_is_linked_to(browser: str, tmp_path: Path) -> None:
    rules = [item.rule for item in every_verdict()]
    anchor = f"rule-{rules.index('reapi/submit/gpt-image-2/size/one-of') + 1}"
    page = tmp_path / "page.html"
    page.write_text(render(read_run(sample_run(tmp_path))), encoding="utf-8")

    after, complaints = dumped(browser, page, anchor, tmp_path / "profile")

    assert complaints == ""
    assert after.all("html")[0]["data-ready"] == "yes"
    assert [found["type"] for found in after.all("input") if found["id"] == "words"] == ["search"]
    assert all("hidden" not in button for button in after.all("button", "copy"))
    names = [(tag, found) for tag, found in after.elements if tag == "details" or found.get("id") == anchor]
    at = names.index(next(item for item in names if item[1].get("id") == anchor))
    assert "open" in names[at + 1][1]
    assert "open" not in names[at + 2][1]
    assert after.text.count("alert(1)") > 0
    assert Verdict.FAILED in after.text


def test_the_browser_would_have_complained(browser: str, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    source = render(read_run(sample_run(tmp_path)))
    page.write_text(source.replace("</body>", "<script>alert(1)</script></body>"), encoding="utf-8")
    assert "Content Security Policy" in dumped(browser, page, "", tmp_path / "profile")[1]


KEYS = """<script>
const press = (key) => (document.activeElement || document.body).dispatchEvent(
  new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
const focused = () => (document.activeElement.closest("tr") || document.activeElement).id;
const steps = [];
press("/"); steps.push(focused());
words.value = "submit failed"; words.dispatchEvent(new Event("input")); steps.push(matches.textContent);
press("j"); steps.push(focused());
press("Escape"); words.value = "reapi/auth"; words.dispatchEvent(new Event("input"));
for (const key of "jjkk") { press(key); steps.push(focused()); }
document.getElementById("verdict-of").value = "not applicable";
document.getElementById("verdict-of").dispatchEvent(new Event("change")); steps.push(matches.textContent);
location.hash = "#rule-2";
addEventListener("hashchange", () => setTimeout(() => {
  steps.push(matches.textContent);
  document.title = steps.join("|");
}));
</script></body>"""


def test_the_keyboard_filters_and_moves(browser: str, tmp_path: Path) -> None:
    """Press keys by a script, for which the policy is taken out of the page."""
    source = render(read_run(sample_run(tmp_path)))
    page = tmp_path / "page.html"
    open_page = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", source)
    page.write_text(open_page.replace("</body>", KEYS), encoding="utf-8")

    after, complaints = dumped(browser, page, "", tmp_path / "profile")

    assert complaints == ""
    title = after.text.strip().split("\n")[0]
    assert title.split("|") == [
        "words", "1 rule", "words",
        "rule-1", "rule-11", "rule-1", "rule-1",
        "1 rule", "15 rules",
    ]  # fmt: skip
