"""Where everything stands on the label at the foot of a picture: images, prompt, facts, strip. It draws nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from imageproof.mock_server.picture import Picture
from imageproof.mock_server.picture_text import Face, Lettering, legible
from imageproof.mock_server.picture_view import Colour
from imageproof.specs.sizes import size_text
from imageproof.specs.stamp import Grid, Stamp, grid_of, prompt_digest, rows_of

INK: Colour = (34, 37, 43)
MUTED: Colour = (108, 112, 120)
TEXT, TEXT_EDGE = 22, 1024  # px: the size of the prompt in a square picture with that edge
SMALLER = 0.7  # the size of the facts, in sizes of the prompt
LEAST_TEXT = 10  # px
LONGEST_PROMPT = 4_000  # characters that are looked at: more never fit
MOST_LINES, FEW_LINES, MOST_SHARE = 4, 2, 0.2  # of the prompt: alone, below tiles, and as a share of the height
COLUMN, BESIDE = 46, 26  # in sizes of the prompt: its width, and what the facts need to stand beside it
LINE = 1.34  # in sizes of a text: from line to line
TILE, LEAST_TILE = 14, 9  # in cells of the strip: the edge of an image that the picture was made of
MOST_TILES = 0.4  # of the height: what the tiles may take
LEAST_VIEW = 0.15  # of the height: a label that leaves less than that above it loses all but its strip


Place = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of text with its upper left corner; on a badge, it has a background."""

    text: str
    face: Face
    colour: Colour
    left: int
    top: int
    is_badge: bool = False

    @property
    def bottom(self) -> int:
        """Where the next line of its size would begin."""
        return self.top + round(self.face.size * LINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A label of that size in pixels, and what stands where on it, counted from its own upper left corner.

    `tiles` are the corners of squares with the edge `side`; `strip` is empty when there is no room for it.
    """

    width: int
    height: int
    rule: int
    lines: tuple[Line, ...]
    tiles: tuple[Place, ...]
    side: int
    grid: Grid
    strip: tuple[bytes, ...]
    strip_top: int


def label_of(picture: Picture, captions: list[str], lettering: Lettering) -> Label | None:
    """The label of a picture with so many captioned tiles on it; None when the picture is too small for any.

    Raises ValueError when the task id is too long for the strip.
    """
    grid = grid_of(picture.width, picture.height)
    if grid is None:
        return None
    digest = prompt_digest(picture.prompt)
    stamp = Stamp(task_id=picture.task_id, index=picture.index, prompt_digest=digest, stage=picture.stage)
    sheet = _Sheet(picture=picture, grid=grid, strip=tuple(rows_of(stamp, grid)), lettering=lettering)
    labels = (sheet.full(captions), sheet.bare()) if sheet.strip else (sheet.full(captions),)
    return next((label for label in labels if label.height <= picture.height * (1 - LEAST_VIEW)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sheet:
    picture: Picture
    grid: Grid
    strip: tuple[bytes, ...]
    lettering: Lettering

    @property
    def gap(self) -> int:
        return 2 * self.grid.cell

    @property
    def rule(self) -> int:
        """The height of the coloured line on top."""
        return max(2, self.grid.cell // 2)

    @property
    def foot(self) -> int:
        """The height of the strip and what is below it."""
        return self.picture.height - self.grid.top(len(self.strip))

    @property
    def room(self) -> int:
        return self.picture.width - 2 * self.grid.left

    @property
    def size(self) -> int:
        """The size of the prompt; larger pictures have a little less of it for each pixel."""
        edge = math.sqrt(self.picture.width * self.picture.height)
        return max(LEAST_TEXT, round(TEXT * math.pow(edge / TEXT_EDGE, 0.75)))

    def bare(self) -> Label:
        """Nothing but the strip."""
        return self._label(self.rule + self.grid.cell)

    def full(self, captions: list[str]) -> Label:
        """Tiles, prompt and facts, from top to bottom; the facts stand beside the prompt where the picture is wide."""
        places, side, top = self._tiles(len(captions), self.rule + self.gap)
        body, fine = self.lettering.face(self.size), self.lettering.face(max(LEAST_TEXT, round(self.size * SMALLER)))
        lines = [self._caption(fine, text, at, side) for text, at in zip(captions, places, strict=True)]
        beside = round(BESIDE * self.size)
        is_wide = self.room >= COLUMN * self.size + beside
        room, most = COLUMN * self.size if is_wide else self.room, FEW_LINES if captions else MOST_LINES
        prompt = self._prompt(body, top, room, most)
        below = _end(prompt) + self.grid.cell
        facts = self._facts(fine, top, beside) if is_wide else self._facts(fine, below, self.room)
        end = max(_end(prompt), _end(facts)) + self.gap
        return self._label(end, (*lines, *prompt, *facts), places, side)

    def _label(self, above: int, lines: tuple[Line, ...] = (), tiles: tuple[Place, ...] = (), side: int = 0) -> Label:
        return Label(
            width=self.picture.width, height=above + self.foot, rule=self.rule,
            lines=lines, tiles=tiles, side=side, grid=self.grid, strip=self.strip, strip_top=above,
        )  # fmt: skip

    def _tiles(self, count: int, top: int) -> tuple[tuple[Place, ...], int, int]:
        """Where so many tiles go, how large they are, and where they end."""
        if not count:
            return (), 0, top
        cell, gap = self.grid.cell, self.gap
        most = max(1, (self.room + gap) // (LEAST_TILE * cell + gap))
        rows = -(-count // most)
        columns = -(-count // rows)
        words = round(self.size * SMALLER * LINE) + gap // 2
        by_height = int(self.picture.height * MOST_TILES / rows) - words
        side = max(cell, min(TILE * cell, (self.room - (columns - 1) * gap) // columns, by_height))
        left = self.grid.left
        places = ((left + at % columns * (side + gap), top + at // columns * (side + words)) for at in range(count))
        return tuple(places), side, top + rows * (side + words) + gap // 2

    def _caption(self, face: Face, text: str, at: Place, side: int) -> Line:
        """What stands below a tile."""
        left, top = at[0], at[1] + side + self.grid.cell // 4
        return Line(text=face.clip(text, side), face=face, colour=MUTED, left=left, top=top)

    def _prompt(self, face: Face, top: int, room: int, most: int) -> tuple[Line, ...]:
        fitting = int(self.picture.height * MOST_SHARE / (face.size * LINE))
        text = legible(self.picture.prompt[:LONGEST_PROMPT]) or "(no prompt)"
        return _placed(face, face.wrap(text, room, max(1, min(most, fitting))), INK, self.grid.left, top)

    def _facts(self, face: Face, top: int, room: int) -> tuple[Line, ...]:
        """The task's id and the form of the picture; a preview says on a badge that it is one."""
        picture, left = self.picture, self.picture.width - self.grid.left - room
        facts = [f"index {picture.index}", size_text(picture.width, picture.height), picture.format]
        facts += [f"compression {picture.compression}"] if picture.compression is not None else []
        facts += ["transparent"] if picture.transparent else []
        facts += ["final"] if picture.stage is None else []
        lines = [*face.wrap(legible(picture.task_id), room, 2), *face.wrap(" · ".join(facts), room, 2)]
        if picture.stage is None:
            return _placed(face, lines, MUTED, left, top)
        *placed, badge = _placed(face, [*lines, f"partial preview {picture.stage}"], MUTED, left, top)
        return (*placed, replace(badge, is_badge=True, left=left + face.size // 2, top=badge.top + face.size // 2))


def _placed(face: Face, lines: list[str], colour: Colour, left: int, top: int) -> tuple[Line, ...]:
    """Lines one below the other."""
    return tuple(
        Line(text=text, face=face, colour=colour, left=left, top=top + round(number * face.size * LINE))
        for number, text in enumerate(lines)
    )


def _end(lines: tuple[Line, ...]) -> int:
    """Where the last line ends."""
    return max(line.bottom for line in lines)
