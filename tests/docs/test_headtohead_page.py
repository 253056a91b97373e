"""The page of the head to head says what the numbers of its run say."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import cast

from imageproof.mock_server.sabotage_kinds import Family

ROOT = Path(__file__).parents[2]
LEAST = 60
Row = dict[str, dict[str, bool] | str]


def run() -> list[Row]:
    text = (ROOT / "benchmarks" / "results" / "headtohead.json").read_text(encoding="utf-8")
    return cast("list[Row]", json.loads(text)["rows"])


def table() -> dict[str, list[int]]:
    """The counts of each row of the table: sabotages, caught by both, named by both."""
    text = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8").partition("## Head to head")[2]
    found = re.findall(r"^\| ([\w *-]+) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \| ", text, re.MULTILINE)
    return {name.strip("* "): [int(count) for count in counts] for name, *counts in found}


def counted(rows: list[Row]) -> list[int]:
    def how_many(word: str) -> list[int]:
        return [sum(cast("dict[str, bool]", row[side])[word] for row in rows) for side in ("ours", "theirs")]

    return [len(rows), *how_many("is_caught"), *how_many("is_named")]


def test_each_row_of_the_table_agrees_with_the_run() -> None:
    families = Counter(str(row["family"]) for row in run())
    shown = {name: counts for name, counts in table().items() if name in families}
    assert shown == {name: counted([row for row in run() if row["family"] == name]) for name in families}


def test_the_last_rows_sum_up_and_the_sample_is_large_enough() -> None:
    shown, rows = table(), run()
    assert shown["all"] == counted(rows)
    parts = (shown["a schema can say it"], shown["no schema says it"])
    assert [sum(pair) for pair in zip(*parts, strict=True)] == shown["all"]
    assert len(rows) >= LEAST
    assert len({row["sabotage"] for row in rows}) == len(rows)
    assert {str(row["family"]) for row in rows} <= {family.value for family in Family}
