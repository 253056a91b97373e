"""How long pictures take: the first of a fresh process, the next ones of its size, and the same with Pillow alone.

Pillow's own import is timed apart: the mock has loaded it before the first request comes. Each picture has another task
and another prompt. Ours and Pillow's alternate in one run; medians of all rounds are printed.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from dataclasses import replace
from io import BytesIO

from PIL import Image, ImageDraw, ImageFont

from imageproof.mock_server.pictures import Painter, Picture

ROUNDS = 9
NEXT = 12  # pictures after the first, in each fresh process
PROMPT = (
    "A watercolor fox in a misty forest at dawn, soft light, volumetric rays, highly detailed, pastel palette, "
    "wide angle, with mountains in the distance and a small wooden cabin by the lake"
)
LARGE = Picture(width=3840, height=2160, format="png", task_id="task", prompt=PROMPT)
SQUARE = replace(LARGE, width=1024, height=1024)
CASES = {
    "3840x2160 png": LARGE,
    "3840x2160 png, transparent": replace(LARGE, transparent=True),
    "3840x2160 jpeg": replace(LARGE, format="jpeg"),
    "3840x2160 webp": replace(LARGE, format="webp"),
    "1024x1024 png": SQUARE,
    "1024x1024 jpeg": replace(SQUARE, format="jpeg"),
    "1024x1024 webp": replace(SQUARE, format="webp"),
}


def numbered(picture: Picture, number: int) -> Picture:
    """The same picture of another task, with another prompt."""
    return replace(picture, task_id=f"task_{number:032x}", prompt=f"{number}: {picture.prompt}")


def by_pillow(picture: Picture) -> bytes:
    """What one would write without us: a colour, the prompt, and Pillow's fastest way to save it."""
    image = Image.new("RGBA" if picture.transparent else "RGB", (picture.width, picture.height), (90, 120, 160))
    font = ImageFont.load_default(picture.width // 80)
    ImageDraw.Draw(image).text((40, 40), f"{picture.task_id}\n{picture.prompt}", font=font)
    out = BytesIO()
    fastest = {"png": {"compress_level": 1}, "jpeg": {}, "webp": {"method": 0}}[picture.format]
    image.save(out, picture.format, **fastest)
    return out.getvalue()


def milliseconds(since: float) -> float:
    """How long ago that was."""
    return (time.perf_counter() - since) * 1000


def fresh() -> None:
    """In a process of its own: print what the first picture took, and each of the next ones, as JSON."""
    painter, times = Painter(), []
    for number in range(1 + NEXT):
        began = time.perf_counter()
        painter.render(numbered(LARGE, number))
        times.append(milliseconds(began))
    print(json.dumps(times))


def fresh_processes() -> None:
    """Print medians over processes that drew nothing before."""
    pillow, first, following = [], [], []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", "pass"], check=True)
        python = milliseconds(began)
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", "from PIL import Image, ImageDraw, ImageFont"], check=True)
        pillow.append(milliseconds(began) - python)
        out = subprocess.run([sys.executable, __file__, "--fresh"], check=True, capture_output=True, text=True).stdout
        one, *others = json.loads(out)
        first.append(one)
        following += others
    print(f"import of Pillow, not counted below: {statistics.median(pillow):.0f} ms")
    print(f"first 3840x2160 png, fonts included: {statistics.median(first):.0f} ms, goal 150 (most {max(first):.0f})")
    tenths = statistics.quantiles(following, n=10)
    print(f"next ones: {statistics.median(following):.1f} ms, goal 15 (9 of 10 within {tenths[-1]:.1f})")


def against_pillow() -> None:
    """Print a table of all cases."""
    painter = Painter()
    print(f"\n{'picture':<28}{'ours, ms':>10}{'KB':>8}{'Pillow, ms':>12}{'KB':>8}{'ratio':>8}")
    for name, picture in CASES.items():
        painter.render(picture)
        ours, theirs, sizes = [], [], (0, 0)
        for number in range(ROUNDS):
            began = time.perf_counter()
            own = painter.render(numbered(picture, number))
            ours.append(milliseconds(began))
            began = time.perf_counter()
            plain = by_pillow(numbered(picture, number))
            theirs.append(milliseconds(began))
            sizes = (len(own) // 1000, len(plain) // 1000)
        own_ms, plain_ms = statistics.median(ours), statistics.median(theirs)
        print(f"{name:<28}{own_ms:>10.1f}{sizes[0]:>8}{plain_ms:>12.1f}{sizes[1]:>8}{own_ms / plain_ms:>8.2f}")


def main() -> None:
    """Measure, or be one of the measured processes."""
    if sys.argv[1:] == ["--fresh"]:
        fresh()
        return
    fresh_processes()
    against_pillow()


if __name__ == "__main__":
    main()
