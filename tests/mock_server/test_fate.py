"""Chance is a pure function: same seed, account, job and attempt, same fate; anything else, another one."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imageproof.mock_server.fate import fate_of, fill_id, id_pattern, job_digest

IDENTITY = bytes(range(16))


def test_a_fate_is_the_same_wherever_it_is_asked_for() -> None:
    first = fate_of(b"seed", b"key", job_digest(b"body"), 1)
    assert first == fate_of(b"seed", b"key", job_digest(b"body"), 1)
    assert first.digest.hex().startswith(first.identity.hex())


def test_each_part_of_the_question_changes_the_fate() -> None:
    job = job_digest(b"body")
    fates = {
        fate_of(b"seed", b"key", job, 1),
        fate_of(b"seed2", b"key", job, 1),
        fate_of(b"seed", b"key2", job, 1),
        fate_of(b"seed", b"key", job_digest(b"body2"), 1),
        fate_of(b"seed", b"key", job, 2),
    }
    assert len(fates) == 5


@given(st.binary(), st.integers(1, 1000), st.integers(0, 4), st.floats(0, 1e6), st.floats(0, 1e6))
def test_a_number_lies_between_its_ends(body: bytes, attempt: int, index: int, one: float, other: float) -> None:
    least, most = sorted((one, other))
    assert least <= fate_of(b"s", b"k", job_digest(body), attempt).between(index, least, most) <= most


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("task_{hex32}", "task_000102030405060708090a0b0c0d0e0f"),
        ("image_{uuid}", "image_00010203-0405-4607-8809-0a0b0c0d0e0f"),
        ("{hex8}", "00010203"),
        ("a-{hex4}-z", "a-0001-z"),
    ],
)
def test_ids_are_made_from_templates(template: str, expected: str) -> None:
    assert fill_id(template, IDENTITY) == expected


@given(
    st.binary(min_size=16, max_size=16),
    st.sampled_from(["task_{hex32}", "image_{uuid}", "task_img_{alnum12}", "{alnum24}.x"]),
)
def test_an_id_matches_the_pattern_of_its_template(identity: bytes, template: str) -> None:
    made = fill_id(template, identity)
    match = re.fullmatch(id_pattern(template), made)
    assert match is not None
    assert match["random"] in made
