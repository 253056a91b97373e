"""The upstream's own times in headers: real milliseconds, whatever the clock."""

from __future__ import annotations

import httpx2 as httpx

from imageproof import Mock

MODEL = {"model": "gpt-image-2"}


def test_a_task_tells_its_queue_its_run_and_how_long_it_has_been_done() -> None:
    with Mock("reapi", clock="manual", timing_header=True, pictures="plain") as mock:
        account = mock.account()
        url = f"{account.base_url}/api/v1/images/generations"
        sent = httpx.post(url, headers=account.headers, json={**MODEL, "prompt": "[[slow: 40s]] load-1"})
        poll = f"{account.base_url}/api/v1/tasks/{sent.json()['id']}"
        early = httpx.get(poll, headers=account.headers)
        account.advance("45s")
        late = httpx.get(poll, headers=account.headers)
        image = httpx.get(late.json()["output"]["image_urls"][0])

    assert sent.headers["X-Imageproof-Run-Ms"] == "40000.000"
    assert sent.headers["X-Imageproof-Queue-Ms"] == "0.000"
    assert "X-Imageproof-Done-Ago-Ms" not in early.headers
    assert late.headers["X-Imageproof-Done-Ago-Ms"] == "5000.000"
    assert float(image.headers["X-Imageproof-Held-Ms"]) >= 0


def test_times_are_real_ones_on_a_fast_clock() -> None:
    with Mock("openai", clock="600x", timing_header=True, pictures="plain") as mock:
        account = mock.account()
        url = f"{account.base_url}/v1/images/generations"
        sent = httpx.post(url, headers=account.headers, json={**MODEL, "prompt": "[[slow: 60s]] load-1"})
        streamed = httpx.post(
            url, headers=account.headers, json={**MODEL, "prompt": "[[slow: 60s]] load-2", "stream": True}
        )

    assert sent.headers["X-Imageproof-Run-Ms"] == streamed.headers["X-Imageproof-Run-Ms"] == "100.000"
    assert 100 <= float(sent.headers["X-Imageproof-Held-Ms"]) < 1000


def test_a_mock_that_is_not_asked_tells_no_times() -> None:
    with Mock("reapi", clock="manual") as mock:
        account = mock.account()
        url = f"{account.base_url}/api/v1/images/generations"
        sent = httpx.post(url, headers=account.headers, json={**MODEL, "prompt": "load-1"})

    assert sent.status_code == 200
    assert not [name for name in sent.headers if name.lower().startswith("x-imageproof")]
