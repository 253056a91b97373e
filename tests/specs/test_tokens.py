"""Tokens and what they cost, against every figure that the providers publish."""

from __future__ import annotations

import pytest

from imageproof.specs.library import load
from imageproof.specs.model import Tokens
from imageproof.specs.tokens import cost_micro_usd, output_tokens, reference_tokens, text_tokens

QUALITIES = ("low", "medium", "high")


def tokens_of(name: str, model: str = "gpt-image-2") -> Tokens:
    tokens = load(name).models[model].tokens
    assert tokens is not None
    return tokens


GRID = [
    (1024, 1024, (196, 1756, 7024), (5_880, 52_680, 210_720)),
    (1024, 1536, (158, 1372, 5488), (4_740, 41_160, 164_640)),
    (1536, 1024, (158, 1372, 5488), (4_740, 41_160, 164_640)),
    (2048, 2048, (397, 3568, 14272), (11_910, 107_040, 428_160)),
    (2048, 1152, (157, 1413, 5650), (4_710, 42_390, 169_500)),
    (3840, 2160, (371, 3336, 13342), (11_130, 100_080, 400_260)),
    (2160, 3840, (371, 3336, 13342), (11_130, 100_080, 400_260)),
]


@pytest.mark.parametrize("name", ["openai", "apiyi"])
@pytest.mark.parametrize(("width", "height", "counts", "micro_usd"), GRID)
def test_a_grid_gives_the_published_tokens_and_costs(
    name: str, width: int, height: int, counts: tuple[int, ...], micro_usd: tuple[int, ...]
) -> None:
    tokens = tokens_of(name)
    counted = tuple(output_tokens(tokens, quality, width, height) for quality in QUALITIES)
    assert counted == counts
    assert tuple(cost_micro_usd(tokens, text=0, image=0, output=count) for count in counted) == micro_usd


@pytest.mark.parametrize(
    ("quality", "counts"),
    [("low", (272, 408, 400)), ("medium", (1056, 1584, 1568)), ("high", (4160, 6240, 6208))],
)
def test_a_table_counts_by_shape(quality: str, counts: tuple[int, ...]) -> None:
    tokens = tokens_of("openai", "gpt-image-1.5")
    sizes = ((1024, 1024), (1024, 1536), (1536, 1024))
    assert tuple(output_tokens(tokens, quality, *size) for size in sizes) == counts


@pytest.mark.parametrize(("model", "count"), [("gpt-image-2", 1756), ("gpt-image-1.5", 1056)])
@pytest.mark.parametrize("quality", ["auto", "a quality that nobody has"])
def test_a_quality_without_a_figure_counts_as_the_choice_of_the_server(model: str, count: int, quality: str) -> None:
    assert output_tokens(tokens_of("openai", model), quality, 1024, 1024) == count


PUBLISHED = {
    "low": ("0.006", "0.005", "0.005"),
    "medium": ("0.053", "0.041", "0.041"),
    "high": ("0.211", "0.165", "0.165"),
}
SIZES = ((1024, 1024), (1024, 1536), (1536, 1024))


def output_usd(tokens: Tokens, quality: str, size: tuple[int, int]) -> str:
    """What one image's output costs, in USD with three decimals, as price lists print it."""
    micros = cost_micro_usd(tokens, text=0, image=0, output=output_tokens(tokens, quality, *size))
    return f"{micros / 1_000_000:.3f}"


@pytest.mark.parametrize("quality", QUALITIES)
def test_the_tokens_round_to_the_published_prices(quality: str) -> None:
    tokens = tokens_of("apiyi")
    assert tuple(output_usd(tokens, quality, size) for size in SIZES) == PUBLISHED[quality]


@pytest.mark.parametrize("quality", QUALITIES)
def test_the_contract_quotes_the_prices_that_its_tokens_give(quality: str) -> None:
    (advice,) = (rule for rule in load("apiyi").rules if rule.id == "apiyi/advice/price-table")
    tokens = tokens_of("apiyi")
    prices = " / ".join(output_usd(tokens, quality, size) for size in SIZES)
    assert f"{quality} ${prices}" in advice.sentence


@pytest.mark.parametrize(
    ("prompt", "count"),
    [("", 6), ("a", 7), ("four", 7), ("fives", 8), ("x" * 44, 17), ("\N{FOX FACE}" * 4, 7), ("x" * 32_000, 8_006)],
)
def test_a_prompt_counts_by_its_code_points(prompt: str, count: int) -> None:
    assert text_tokens(tokens_of("openai"), prompt) == count


@pytest.mark.parametrize(
    ("sizes", "count"),
    [
        ([], 0),
        ([(1, 1)], 1024),
        ([(1024, 1024)], 1024),
        ([(1024, 1025)], 1536),
        ([(1024, 1536)], 1536),
        ([(1536, 1024)], 1536),
        ([(2048, 2048)], 1521),
        ([(4096, 4096)], 1521),
        ([(8000, 8000)], 1521),
        ([(1024, 1024), (1024, 1536), (2048, 2048)], 1024 + 1536 + 1521),
    ],
)
def test_references_add_up(sizes: list[tuple[int, int]], count: int) -> None:
    assert reference_tokens(tokens_of("apiyi"), sizes) == count


def test_references_may_come_one_by_one() -> None:
    assert reference_tokens(tokens_of("apiyi"), (size for size in [(1024, 1024)] * 5)) == 5 * 1024


@pytest.mark.parametrize(
    ("text", "image", "output", "micro_usd"),
    [
        (0, 0, 0, 0),
        (17, 0, 196, 17 * 5 + 196 * 30),
        (16, 832, 196, 16 * 5 + 832 * 8 + 196 * 30),
        (1_000_000, 0, 0, 5_000_000),
        (0, 1_000_000, 0, 8_000_000),
        (0, 0, 1_000_000, 30_000_000),
    ],
)
def test_each_sort_of_token_has_its_own_price(text: int, image: int, output: int, micro_usd: int) -> None:
    assert cost_micro_usd(tokens_of("apiyi"), text=text, image=image, output=output) == micro_usd


@pytest.mark.parametrize("name", ["openai", "apiyi"])
def test_a_partial_image_costs_a_hundred_tokens_more(name: str) -> None:
    tokens = tokens_of(name)
    assert tokens.partial_tokens == 100
    assert output_tokens(tokens, "low", 1024, 1024) + tokens.partial_tokens == 296  # as in the streamed example
