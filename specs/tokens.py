"""Count tokens and what they cost. The shapes of the formulas are here, every number of them is in the specs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from imageproof.specs.model import OutputTokens, Tokens


def output_tokens(tokens: Tokens, quality: str, width: int, height: int) -> int:
    """Output tokens of one image of so many pixels; `auto` and unknown qualities count as the server's own choice."""
    output = tokens.output
    if output.grid:
        return _by_grid(output, output.grid.get(quality, output.grid[output.auto_quality]), width, height)
    square, portrait, landscape = output.table.get(quality, output.table[output.auto_quality])
    return square if width == height else portrait if width < height else landscape


def _by_grid(output: OutputTokens, cells: int, width: int, height: int) -> int:
    """The image is laid out on a grid of `cells` along its long edge, and tokens grow with the area."""
    long, short = max(width, height), min(width, height)
    short_cells = (2 * cells * short + long) // (2 * long)
    return -(-cells * short_cells * (output.base + width * height) // output.divisor)


def text_tokens(tokens: Tokens, prompt: str) -> int:
    """Input tokens of a prompt."""
    return -(-len(prompt) // tokens.text_chars_per_token) + tokens.text_overhead


def reference_tokens(tokens: Tokens, sizes: Iterable[tuple[int, int]]) -> int:
    """Input tokens of reference images with these widths and heights in pixels."""
    total = 0
    for width, height in sizes:
        rows = tokens.reference_tokens
        total += next((count for pixels, count in rows if width * height <= pixels), rows[-1][1] if rows else 0)
    return total


def cost_micro_usd(tokens: Tokens, *, text: int, image: int, output: int) -> int:
    """The price of so many tokens, in micro-dollars."""
    return text * tokens.text_in_micro_usd + image * tokens.image_in_micro_usd + output * tokens.image_out_micro_usd
