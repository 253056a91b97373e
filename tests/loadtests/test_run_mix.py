"""The jobs of a load run: valid requests of every provider, repeatable, each with its mark."""

from __future__ import annotations

from collections import Counter

import orjson
import pytest

from imageproof.loadtests.mix import Mix, MixError, all_shares, mark_of, read_share
from imageproof.loadtests.options import Share
from imageproof.specs.check import Checker
from imageproof.specs.library import load, shipped

PROMPT = "a red fox in the snow"


@pytest.mark.parametrize("name", shipped())
def test_every_kind_of_a_wide_mix_is_a_valid_request_that_carries_its_mark(name: str) -> None:
    spec = load(name)
    shares = all_shares(spec)
    mix = Mix(spec, shares, seed=1, prompt=PROMPT)

    assert len(shares) >= 2
    for kind in mix.kinds:
        ask = kind.ask(4711)
        body = orjson.loads(ask.body)
        assert Checker(kind.model.shapes[kind.operation.name], spec.selector).check(body) == []
        assert mark_of(ask.prompt) == 4711
        assert ask.prompt in ask.body.decode()


def test_the_same_seed_gives_the_same_jobs_in_the_wanted_shares() -> None:
    spec = load("reapi")
    shares = (read_share("weight=3,resolution=2k"), read_share("model=gpt-image-2-official,references=1"))
    mix, again = (Mix(spec, shares, seed=5, prompt=PROMPT) for _ in range(2))
    asks = [mix.ask(mark) for mark in range(2000)]

    assert [ask.body for ask in asks] == [again.ask(mark).body for mark in range(2000)]
    assert Counter(ask.model for ask in asks)["gpt-image-2"] == pytest.approx(1500, abs=100)
    assert orjson.loads(asks[0].body)["prompt"] == f"{PROMPT}, load-0"


def test_another_seed_gives_another_order() -> None:
    shares = (Share(), read_share("resolution=2k"))
    first, second = (Mix(load("reapi"), shares, seed=seed, prompt=PROMPT) for seed in (1, 2))

    assert [first.cost(mark) for mark in range(50)] != [second.cost(mark) for mark in range(50)]


def test_an_edit_is_a_form_with_its_pictures() -> None:
    ask = Mix(load("openai"), (read_share("operation=edit,references=2"),), seed=1, prompt=PROMPT).ask(9)

    assert ask.content_type.startswith("multipart/form-data; boundary=")
    assert ask.body.count(b'name="image[]"; filename=') == 2
    assert b"load-9\r\n" in ask.body


def test_a_stream_asks_for_previews_and_pays_for_them() -> None:
    spec = load("openai")
    plain, streamed = (
        Mix(spec, (read_share(text),), seed=1, prompt=PROMPT) for text in ("stream=no", "stream=yes,partial_images=3")
    )

    assert orjson.loads(streamed.ask(1).body)["partial_images"] == 3
    assert streamed.cost(1) > plain.cost(1)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("model=nobody", "expected a model of reapi"),
        ("colour=red", "expected a field of gpt-image-2"),
        ("resolution=4k", "breaks reapi/submit/gpt-image-2/4k-needs-wide-size"),
        ("stream=yes", "whose submit sends none"),
        ("operation=edit", "a provider without one"),
    ],
)
def test_what_a_provider_does_not_take_is_refused_with_the_reason(text: str, says: str) -> None:
    with pytest.raises(MixError, match=says):
        Mix(load("reapi"), (read_share(text),), seed=1, prompt=PROMPT)


@pytest.mark.parametrize("text", ["fast", "weight=0", "weight=x", "references=-1", "stream=maybe", "=3", "model="])
def test_a_kind_that_can_not_be_read_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a "):
        read_share(text)
