"""Calls that are held until the image is there: how long, what they cost, and a client that leaves before the end."""

from __future__ import annotations

import base64
import http.client
import io
import json
import math
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import cast

import httpx2 as httpx
import pytest
from PIL import Image

from imageproof import Mock, MockAccount
from tests.mock_server.held import (
    BODY,
    GENERATE,
    RELAYED,
    SMALLEST,
    held_until,
    is_held,
    jumping,
    micro_usd,
    png,
    post,
    turn,
    until,
)

Client = Callable[[MockAccount], httpx.Client]


def entries(account: MockAccount) -> list[dict[str, object]]:
    return cast("list[dict[str, object]]", account.journal())


@pytest.mark.parametrize("provider", RELAYED)
def test_a_call_is_held_until_the_clock_of_its_account_reaches_the_end_and_not_before(
    mock: Mock, client: Client, pool: ThreadPoolExecutor, provider: str
) -> None:
    account, other = mock.account(provider), mock.account(provider)
    call = pool.submit(post, client(account))
    end = is_held(account, call)
    (plan,) = account.tasks()
    assert plan["ends"] == end
    assert 10 <= float(str(plan["run_s"])) <= 40
    other.advance("1h")
    account.advance(float(str(plan["run_s"])) - 0.001)
    turn(mock)
    assert held_until(account) == end
    assert not call.done()
    account.advance_to_next()
    answer = call.result(20)
    assert answer.status_code == 200
    assert answer.json()["created"] == int(end)
    assert [kind for kind, _ in micro_usd(account)] == ["charge"]


def test_many_calls_are_held_at_once_and_end_each_at_its_time(
    mock: Mock, client: Client, pool: ThreadPoolExecutor, apiyi: MockAccount
) -> None:
    http_client = client(apiyi)
    calls = [pool.submit(post, http_client, prompt=f"fox [[slow: {wait}s]]", size=SMALLEST) for wait in (30, 10, 20)]
    until(lambda: len(apiyi.tasks()) == 3)
    turn(mock)
    for count in (1, 2, 3):
        apiyi.advance_to_next()
        until(lambda least=count: sum(call.done() for call in calls) >= least)  # type: ignore[misc]
        assert sum(call.done() for call in calls) == count
    created = [call.result().json()["created"] for call in calls]
    assert [when - min(created) for when in created] == [20, 0, 10]


def test_a_jumping_clock_ends_a_call_at_once_and_is_then_where_the_call_ended(mock: Mock, client: Client) -> None:
    account = jumping(mock)
    answer = post(client(account), prompt="[[slow: 120s]] a red fox", size=SMALLEST)
    assert answer.json()["created"] == 1_795_000_000 + 120
    assert cast("dict[str, float]", account.describe()["clock"])["now"] == 1_795_000_120.0


def test_a_call_that_is_moved_by_hand_waits_for_the_hand(
    mock: Mock, client: Client, pool: ThreadPoolExecutor, apiyi: MockAccount
) -> None:
    call = pool.submit(post, client(apiyi), prompt="[[hold]] a red fox", size=SMALLEST)
    until(lambda: len(apiyi.tasks()) == 1)
    apiyi.advance("30d")
    turn(mock)
    assert not call.done()
    (running,) = apiyi.truths()
    assert (running["succeeded"], running["ended"]) == (False, None)
    apiyi.finish(str(apiyi.tasks()[0]["id"]))
    assert call.result(20).status_code == 200
    (told,) = apiyi.truths()
    assert (told["succeeded"], told["ended"]) == (True, apiyi.describe()["clock"]["now"])  # type: ignore[index,call-overload]
    assert told["images"] == [sha256(base64.b64decode(call.result(0).json()["data"][0]["b64_json"])).hexdigest()]


# what is in the answer, and what it costs: section by section of the published figures

OUTPUT_TOKENS = {  # low, medium, high
    "1024x1024": (196, 1756, 7024),
    "1024x1536": (158, 1372, 5488),
    "1536x1024": (158, 1372, 5488),
    "2048x2048": (397, 3568, 14272),
    "2048x1152": (157, 1413, 5650),
    "3840x2160": (371, 3336, 13342),
    "2160x3840": (371, 3336, 13342),
}


@pytest.mark.parametrize("size", OUTPUT_TOKENS)
def test_tokens_and_micro_dollars_are_the_published_ones(mock: Mock, client: Client, size: str) -> None:
    account = jumping(mock)
    http_client = client(account)
    for quality, tokens in zip(("low", "medium", "high"), OUTPUT_TOKENS[size], strict=True):
        answer = post(http_client, size=size, quality=quality, output_format="jpeg").json()
        text = math.ceil(len("a red fox") / 4) + 6
        assert answer["usage"] == {
            "input_tokens": text,
            "input_tokens_details": {"image_tokens": 0, "text_tokens": text},
            "output_tokens": tokens,
            "output_tokens_details": {"image_tokens": tokens, "text_tokens": 0},
            "total_tokens": text + tokens,
        }
        assert micro_usd(account)[-1] == ("charge", text * 5 + tokens * 30)
        with Image.open(io.BytesIO(base64.b64decode(answer["data"][0]["b64_json"]))) as image:
            assert f"{image.width}x{image.height}" == size


def test_the_server_s_own_choice_is_counted_as_medium_and_square(mock: Mock, client: Client) -> None:
    account = jumping(mock, "openai")
    answer = client(account).post(GENERATE, json={"prompt": "a red fox"}).json()
    assert (answer["usage"]["output_tokens"], answer["quality"], answer["size"]) == (1756, "medium", "1024x1024")
    assert (answer["background"], answer["output_format"]) == ("opaque", "png")


def test_several_images_cost_as_many_times_their_tokens(mock: Mock, client: Client) -> None:
    account = jumping(mock, "openai")
    answer = post(client(account), n=3, output_format="jpeg").json()
    assert len({image["b64_json"] for image in answer["data"]}) == 3
    assert answer["usage"]["output_tokens"] == 3 * 196
    assert micro_usd(account) == [("charge", 9 * 5 + 3 * 196 * 30)]


def test_references_of_an_edit_are_counted_by_their_size_and_added_up(mock: Mock, client: Client) -> None:
    account = jumping(mock)
    files = [("image[]", ("a.png", png(size), "image/png")) for size in ((1024, 1024), (1024, 1536), (2048, 2048))]
    form = {"model": "gpt-image-2", "prompt": "a red fox", "quality": "low", "size": "1024x1024"}
    usage = client(account).post("/v1/images/edits", data=form, files=files).json()["usage"]
    images = 1024 + 1536 + 1521
    assert usage["input_tokens_details"] == {"image_tokens": images, "text_tokens": 9}
    assert micro_usd(account) == [("charge", 9 * 5 + images * 8 + 196 * 30)]


# a client that leaves


def leave(account: MockAccount, **changes: object) -> None:
    """Send a request, and close the connection while the mock holds it."""
    connection = http.client.HTTPConnection(account.mock.url.removeprefix("http://"), timeout=20)
    body = json.dumps({**BODY, **changes})
    connection.request("POST", f"/{account.provider}{GENERATE}", body, account.headers)
    until(lambda: held_until(account) is not None)
    if changes.get("stream"):
        connection.getresponse().close()
    connection.close()
    turn(account.mock)


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_does_not_stop_the_job_and_pays_for_it(
    mock: Mock, apiyi: MockAccount, *, stream: bool
) -> None:
    leave(apiyi, stream=stream, partial_images=2, prompt="[[slow: 30s]] a red fox")
    assert micro_usd(apiyi) == []
    for _ in range(3 if stream else 1):
        until(lambda: held_until(apiyi) is not None or bool(apiyi.journal()))
        apiyi.advance_to_next()
        turn(mock)
    until(lambda: bool(apiyi.journal()))
    (entry,) = entries(apiyi)
    assert "the client left before the end" in str(entry["note"])
    text, output = math.ceil(len("[[slow: 30s]] a red fox") / 4) + 6, 196 + 200 * stream
    assert micro_usd(apiyi) == [("charge", text * 5 + output * 30)]


def test_a_provider_that_bills_nobody_who_left_bills_nobody_who_left(tmp_path: Path) -> None:
    kind = tmp_path / "kind.yaml"
    kind.write_text(
        """
        imageproof: 1
        provider: kind
        extends: apiyi
        billing: {disconnect: {charge: none, source: "assumed: for this test"}}
        """
    )
    with Mock(str(kind), clock="manual") as mock:
        account = mock.account("kind")
        leave(account, prompt="[[slow: 30s]] a red fox")
        account.advance_to_next()
        until(lambda: bool(account.journal()))
        assert micro_usd(account) == []


# what goes wrong late


@pytest.mark.parametrize(
    ("trigger", "status", "code"),
    [
        ("fail: upstream_failed", 502, "bad_response_status_code"),
        ("moderated: output", 400, "moderation_blocked"),
    ],
)
def test_a_failure_takes_the_time_of_a_success_and_costs_nothing(
    client: Client, pool: ThreadPoolExecutor, apiyi: MockAccount, trigger: str, status: int, code: str
) -> None:
    call = pool.submit(post, client(apiyi), prompt=f"[[{trigger}]] [[slow: 60s]] a red fox")
    assert is_held(apiyi, call) == 1_795_000_060.0
    apiyi.advance(59.9)
    turn(apiyi.mock)
    assert not call.done()
    apiyi.advance_to_next()
    answer = call.result(20)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert micro_usd(apiyi) == []


def test_moderation_of_the_prompt_takes_no_time(client: Client, apiyi: MockAccount) -> None:
    answer = post(client(apiyi), prompt="[[moderated]] a red fox")
    assert (answer.status_code, answer.json()["status_code"]) == (400, 400)
    assert answer.json()["error"]["code"] == "moderation_blocked"
    assert micro_usd(apiyi) == []


@pytest.mark.parametrize("provider", RELAYED)
def test_a_failure_that_does_not_exist_is_refused_and_not_invented(mock: Mock, client: Client, provider: str) -> None:
    answer = post(client(jumping(mock, provider)), prompt="[[fail: upstream_faild]] a red fox")
    assert answer.status_code == 400
    assert "upstream_faild" in answer.json()["error"]["message"]


@pytest.mark.parametrize("failure", ["upstream_submit_failed", "upstream_timeout", "upstream_failed"])
@pytest.mark.parametrize("provider", RELAYED)
def test_the_usual_failures_work_in_each_dialect(mock: Mock, client: Client, provider: str, failure: str) -> None:
    account = jumping(mock, provider)
    answer = post(client(account), prompt=f"[[fail: {failure}]] a red fox")
    assert answer.status_code >= 500
    assert answer.json()["error"]["message"]
    assert micro_usd(account) == []


# the flat channel


def test_the_flat_channel_costs_the_same_for_every_prompt_and_has_a_prefix(mock: Mock, client: Client) -> None:
    account = jumping(mock)
    http_client = client(account)
    for prompt in ("a red fox", "a red fox " * 500):
        answer = http_client.post(GENERATE, json={"model": "gpt-image-2-all", "prompt": prompt}).json()
        prefix, _, text = answer["data"][0]["b64_json"].partition(",")
        assert prefix == "data:image/png;base64"
        with Image.open(io.BytesIO(base64.b64decode(text))) as image:
            assert (image.format, image.size) == ("PNG", (1024, 1024))
        assert set(answer["data"][0]) == {"b64_json"}
        assert set(answer["usage"]) == {"input_tokens", "output_tokens", "total_tokens"}
    assert micro_usd(account) == [("charge", 30_000)] * 2


def test_the_flat_channel_serves_a_url_for_a_day(client: Client, pool: ThreadPoolExecutor, apiyi: MockAccount) -> None:
    body = {"model": "gpt-image-2-all", "prompt": "a red fox", "response_format": "url"}
    call: Future[httpx.Response] = pool.submit(client(apiyi).post, GENERATE, json=body)
    is_held(apiyi, call)
    apiyi.advance_to_next()
    (entry,) = call.result(20).json()["data"]
    assert set(entry) == {"url"}
    assert entry["url"].startswith(f"{apiyi.base_url}/generated/")
    got = httpx.get(entry["url"])
    with Image.open(io.BytesIO(got.content)) as image:
        assert (got.headers["Content-Type"], image.size) == ("image/png", (1024, 1024))
    apiyi.advance(86_399)
    assert httpx.get(entry["url"]).status_code == 200
    apiyi.advance(1)
    assert httpx.get(entry["url"]).status_code == 404


def test_the_flat_channel_refuses_content_as_a_mistake_of_the_server(mock: Mock, client: Client) -> None:
    account = jumping(mock)
    for word in ("moderated", "moderated: output"):
        body = {"model": "gpt-image-2-all", "prompt": f"[[{word}]] a red fox"}
        answer = client(account).post(GENERATE, json=body)
        assert answer.status_code == 500
        assert answer.json()["error"]["message"].startswith("Your request was rejected by the safety system")
    assert micro_usd(account) == []


@pytest.mark.parametrize("provider", RELAYED)
def test_every_answer_has_a_request_id_of_its_own(mock: Mock, client: Client, provider: str) -> None:
    account = jumping(mock, provider)
    http_client = client(account)
    answers = [
        post(http_client, size=SMALLEST),
        post(http_client, size=SMALLEST, stream=True),
        post(http_client, size="1x1"),
        post(http_client, prompt="[[moderated]] a red fox"),
        post(http_client, prompt="[[fail: upstream_failed]] a red fox"),
        http_client.post(GENERATE, content=b"not json"),
        http_client.get(GENERATE),
        http_client.get("/v1/nothing"),
        http_client.post("/v1/images/edits", json={}),
        http_client.post(GENERATE, headers={"Authorization": "Bearer no"}, json=BODY),
        httpx.post(f"{account.base_url}{GENERATE}"),
    ]
    ids = [answer.headers["x-request-id"] for answer in answers]
    assert [answer.status_code for answer in answers][:4] == [200, 200, 400, 400]
    assert len(set(ids)) == len(ids)
    assert all(len(answer) == len("req_") + 32 for answer in ids)
