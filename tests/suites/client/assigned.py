"""Assignments for clients that are written in the tests."""

from __future__ import annotations

from pathlib import Path

from imageproof.suites.client.protocol import Assignment


def assignment(folder: Path, *, seconds: float = 20.0, scenario: str = "plain") -> Assignment:
    folder = folder / scenario
    folder.mkdir(parents=True, exist_ok=True)
    return Assignment(
        provider="reapi",
        scenario=scenario,
        base_url="http://127.0.0.1:1/reapi",
        openai_base_url="http://127.0.0.1:1/reapi/v1",
        api_key="rk_live_1",
        time_scale=60.0,
        seconds=seconds,
        folder=folder,
        job={"prompt": "a lighthouse; $(reboot)", "request": {"n": 1}},
        prompt="a lighthouse; $(reboot)",
        model="gpt-image-2",
        size=None,
        images=2,
    )
