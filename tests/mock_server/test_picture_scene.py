"""A scene has the same pixels whether they are put together from rows or drawn on a canvas, and no colour runs over."""

from dataclasses import replace
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageStat

from imageproof.mock_server.picture_art import Art
from imageproof.mock_server.picture_cache import Recent
from imageproof.mock_server.picture_canvas import canvas_of
from imageproof.mock_server.picture_relief import SHADE
from imageproof.mock_server.picture_scene import Scene
from imageproof.mock_server.picture_view import view_of
from imageproof.mock_server.png import join, write

VIEW = view_of("task_1", 0, "a fox", None)
SIZES = [(256, 700), (700, 256), (1024, 768), (90, 90), (3, 50), (1, 1)]


def by_rows(scene: Scene) -> Image.Image:
    art = Art(width=scene.width, kept=Recent(2**20, lambda made: sum(len(part.deflated) for part in made)))
    data = write(scene.width, scene.rows, 3, join(art.rows(scene)), {})
    with Image.open(BytesIO(data)) as image:
        image.load()
        return image


def on_canvas(scene: Scene) -> Image.Image:
    return canvas_of(scene, scene.rows, Recent(2**24, lambda image: image.width * image.height))


@settings(max_examples=50)
@given(
    task=st.text(max_size=12),
    stage=st.none() | st.integers(0, 5),
    size=st.sampled_from(SIZES),
    share=st.floats(0, 1),
)
def test_rows_and_canvas_have_the_same_pixels(
    task: str, stage: int | None, size: tuple[int, int], share: float
) -> None:
    width, height = size
    view = view_of(task, 0, "a fox", stage)
    scene = Scene(view=view, width=width, height=height, rows=max(1, round(height * share)))
    assert by_rows(scene).tobytes() == on_canvas(scene).tobytes()


@settings(max_examples=100)
@given(task=st.text(max_size=12), stage=st.none() | st.integers(0, 3), size=st.sampled_from(SIZES[:2]))
def test_no_colour_runs_over_from_light_to_dark(task: str, stage: int | None, size: tuple[int, int]) -> None:
    """A row may be darker than the one above by a dune and a little shading; a run-over would be some 200 levels."""
    width, height = size
    image = on_canvas(Scene(view=view_of(task, 0, "a fox", stage), width=width, height=height, rows=height))
    steps = ImageChops.difference(image.crop((0, 1, width, height)), image.crop((0, 0, width, height - 1)))
    assert all(high <= abs(most) + 12 for (_, high), most in zip(ImageStat.Stat(steps).extrema, SHADE, strict=True))


@given(st.text(max_size=5), st.integers(1, 2000), st.integers(1, 2000), st.floats(0, 1))
def test_stretches_fill_the_scene_exactly(task: str, width: int, height: int, share: float) -> None:
    rows = max(1, round(height * share))
    scene = Scene(view=view_of(task, 0, "", None), width=width, height=height, rows=rows)
    assert 1 + sum(stretch.rows for stretch in scene.stretches()) == rows


def test_the_sun_is_round() -> None:
    grey = (100, 100, 100)
    calm = replace(VIEW, left=grey, right=grey, bottom=grey, order=())
    image = on_canvas(Scene(view=calm, width=1024, height=1024, rows=1024))
    box = image.point([0] * 101 + [255] * 155 + ([0] * 256) * 2).getbbox()
    assert box is not None
    assert box[2] - box[0] == pytest.approx(box[3] - box[1], rel=0.02)
    assert box[2] - box[0] > 200


def test_a_view_without_room_loses_its_sun_first() -> None:
    scene = Scene(view=VIEW, width=1024, height=1024, rows=1000)
    shapes = [stretch.shape.kind for stretch in scene.stretches() if stretch.shape]
    assert shapes == ["sun", "dune", "dune", "dune", "dune"]
    shapes = [stretch.shape.kind for stretch in replace(scene, rows=500).stretches() if stretch.shape]
    assert shapes == ["dune"] * 4
    assert [stretch.shape for stretch in replace(scene, rows=50).stretches()] == [None]
