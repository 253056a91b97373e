"""The page about load says how large the mock's results are: as large as they are."""

from __future__ import annotations

import re
from pathlib import Path

from imageproof.mock_server.padding import DENSITIES, PNG_DENSITY, USUAL_QUALITY, density, photo_bytes
from imageproof.mock_server.picture import FORMATS

TEXT = (Path(__file__).parents[2] / "docs" / "how-to" / "load-test.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (png|jpeg|webp) \| (?:([0-9]+) )?\| ([0-9.]+) \| ([0-9,]+) \| ([0-9,]+) \|$", re.MULTILINE)


def test_each_row_is_what_the_mock_does() -> None:
    rows = ROW.findall(TEXT)

    assert {row[0] for row in rows} == set(FORMATS)
    assert len(rows) >= 7
    for form, quality, each, square, large in rows:
        asked = int(quality) if quality else None
        assert float(each) == density(form, asked)
        sizes = [photo_bytes(*sides, form, quality=asked) for sides in ((1024, 1024), (3840, 2160))]
        assert [f"{size:,}" for size in sizes] == [square, large]


def test_what_is_assumed_is_told() -> None:
    assert f"quality is {USUAL_QUALITY} where nobody asked" in TEXT
    previews = [photo_bytes(1000, 1000, "png", stage=stage) for stage in range(3)]
    shares = [f"{100 * size / (1_000_000 * PNG_DENSITY):.0f} %" for size in previews]
    assert f"{shares[0]}, {shares[1]}, then {shares[2]} of the bytes" in TEXT
    assert {form for form in FORMATS if form in DENSITIES} == {"jpeg", "webp"}
