"""The heat table, the coverage and the table of rules: every rule has its place, every number its bar."""

from imageproof.records.lines import Coverage, Verdict
from imageproof.reports.html import render
from imageproof.reports.html_coverage import MOST_VALUES, covered_of
from imageproof.reports.html_heat import heat_of
from imageproof.reports.html_links import anchors_of, css_of, safe_url
from imageproof.reports.html_rules import costs, rule_rows, silences
from tests.reports.html_runs import seen
from tests.reports.runs import every_verdict, finding, run_of


def test_models_and_names_of_many_sections_have_columns() -> None:
    rules = ("p/submit/m1/n", "p/submit/m2/n", "p/pixels/m1/a", "p/errors/x/status", "p/order",
             "p/a/op/x", "p/b/op/x", "p/c/op/x")  # fmt: skip
    found = [finding(rule, Verdict.PASSED) for rule in rules]
    heat = heat_of(found, ["m1", "m2"], anchors_of(found))
    assert heat.columns == ("all", "m1", "m2", "op")
    assert [line.section for line in heat.lines] == ["submit", "pixels", "errors", "order", "a", "b", "c"]
    assert [[len(cells) for cells in line.columns] for line in heat.lines][:4] == [
        [0, 1, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0],
    ]  # fmt: skip


def test_each_rule_is_one_cell_that_leads_to_its_row() -> None:
    page = seen(run_of(*every_verdict()))
    cells = page.all("a", "cell")
    rows = page.all("tr", "rule")
    assert sorted(found["href"] or "" for found in cells) == sorted(f"#{found['id']}" for found in rows)
    assert len({found["class"] for found in cells}) == len(Verdict)


def test_a_rule_id_without_parts_has_a_cell_too() -> None:
    found = [finding("odd", Verdict.PASSED)]
    assert [line.section for line in heat_of(found, [], anchors_of(found)).lines] == ["odd"]


def test_coverage_tells_values_and_pairs() -> None:
    line = Coverage(
        operation="submit", model="m", rows=67, pairs_covered=220, pairs_possible=222,
        values={"size": {"1:1": 4, "16:9": 2, "0x0": 0}, "seed": {str(number): 1 for number in range(100)}},
    )  # fmt: skip
    (covered,) = covered_of([line])
    assert (covered.title, covered.pairs, covered.share) == ("submit, m", "220 of 222 pairs", "99.0 %")
    assert [(value.count, value.width) for value in covered.fields[0].values] == [(4, 100), (2, 50), (0, 0)]
    assert covered.fields[1].left_out == 100 - MOST_VALUES


def test_coverage_without_pairs_does_not_divide_by_them() -> None:
    (covered,) = covered_of([Coverage(operation="submit", model="", values={"n": {}})])
    assert (covered.title, covered.pairs, covered.width) == ("submit", "", 0)


def test_what_was_not_judged_is_grouped_by_reason() -> None:
    found = every_verdict()
    groups = silences(found, anchors_of(found))
    assert [(group.verdict, group.reason, len(group.rules)) for group in groups] == [
        ("inconclusive", "the budget ended before it", 1),
        ("not applicable", "addressed to clients", 2),
        ("not applicable", "a gateway issues keys of its own form", 1),
    ]


def test_a_row_tells_what_is_told_nowhere_else() -> None:
    found = (finding("a/b", Verdict.BLOCKED, reason="rests on c"), finding("a/c", Verdict.FAILED, actual="x"))
    first, second = rule_rows(found, anchors_of(found), {"finding-2"})
    assert (first.says, first.card) == ("rests on c", "")
    assert (second.says, second.card) == ("", "finding-2")


def test_the_dearest_rules_come_first_and_free_ones_are_left_out() -> None:
    found = (
        finding("a/cheap", Verdict.PASSED, requests=9, micro_usd=10),
        finding("a/dear", Verdict.PASSED, requests=1, micro_usd=5_500),
        finding("a/free", Verdict.PASSED),
    )
    listed = costs(run_of(*found), anchors_of(found))
    assert [(cost.rule, cost.usd, cost.credits) for cost in listed] == [
        ("a/dear", "$0.0055", "5.5 credits"), ("a/cheap", "$0.00001", "0.01 credits"),
    ]  # fmt: skip


def test_only_addresses_of_the_web_become_links() -> None:
    assert safe_url("https://reapi.ai/docs") == "https://reapi.ai/docs"
    for odd in (
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "//evil.example",
        "https://",
        "http://[",
    ):
        assert safe_url(odd) == ""


def test_every_verdict_has_a_colour() -> None:
    page = render(run_of())
    assert [verdict for verdict in Verdict if f".v-{css_of(verdict)}" not in page] == []
