"""Magic words: read the same from prompt, key and header; what is nearly one is refused, what is none is only text."""

from __future__ import annotations

import pytest

from imageproof.mock_server.triggers import (
    NOTHING,
    Script,
    TriggerError,
    cards,
    in_header,
    in_key,
    in_prompt,
    read_word,
)


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("fail: upstream_failed", Script(fail="upstream_failed")),
        ("fail", Script(fail="upstream_failed")),
        ("moderated", Script(moderated="input")),
        ("moderated: output", Script(moderated="output")),
        ("slow: 90s", Script(run_s=90.0)),
        ("queue: 10s", Script(queue_s=10.0)),
        ("instant", Script(run_s=0.0, queue_s=0.0)),
        ("polls: 3", Script(moves="polls", polls=3)),
        ("hold", Script(moves="hand")),
        ("status: 502 x2", Script(status=502, times=2)),
        ("status: 429", Script(status=429)),
        ("error: rate_limited x2", Script(error="rate_limited", times=2)),
        ("expired", Script(expired=True)),
    ],
)
def test_a_word_means_the_same_in_prompt_and_header(text: str, script: Script) -> None:
    assert read_word(text) == script
    assert in_prompt(f"a red fox [[{text}]] at dawn") == script
    assert in_header(text) == script


def test_several_words_add_up_and_the_last_wins() -> None:
    assert in_prompt("[[slow: 90s]] and [[queue: 5s]]") == Script(run_s=90.0, queue_s=5.0)
    assert in_header("slow: 90s; slow: 10s; expired") == Script(run_s=10.0, expired=True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[moderatd]]", "unknown trigger 'moderatd': did you mean 'moderated'?"),
        ("[[slow: soon]]", "expected a duration such as 30s, 3m, 24h or 7d, got 'soon'"),
        ("[[status: 200]]", "expected a status from 400 to 599"),
        ("[[polls: 0]]", "expected a number of polls from 1 to 200"),
    ],
)
def test_what_is_nearly_a_word_is_refused_with_the_way_out(text: str, message: str) -> None:
    with pytest.raises(TriggerError, match=message.replace("?", r"\?")):
        in_prompt(text)


@pytest.mark.parametrize(
    "text", ["a [[wiki link]] in a prompt", "[[portrait of a king]]", "[[]]", "[[ ]]", "no brackets"]
)
def test_brackets_that_are_only_text_mean_nothing(text: str) -> None:
    assert in_prompt(text) == NOTHING


def test_a_header_is_only_for_words() -> None:
    with pytest.raises(TriggerError, match="unknown trigger 'wiki link'"):
        in_header("wiki link")


@pytest.mark.parametrize(
    ("key", "script"),
    [
        ("rk_live_a", NOTHING),
        ("rk_live_a_nocredit", Script(nocredit=True)),
        ("rk_live_a_revoked", Script(refused_key="auth_revoked")),
        ("sk-x_polls3", Script(moves="polls", polls=3)),
        ("nocredit_x", NOTHING),
    ],
)
def test_a_key_ends_in_its_word(key: str, script: Script) -> None:
    assert in_key(key) == script


def test_every_published_card_is_understood() -> None:
    for card in cards():
        if card.where == "end of the key":
            assert in_key(f"rk_live_x{card.write}") != NOTHING
        else:
            assert read_word(card.write) != NOTHING
