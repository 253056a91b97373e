"""Two dialects that differ most from the shipped ones, served from YAML files alone: the whole life of their tasks.

fal's queue: the model in the path, upper-case states, the result by a second GET, a failure that only the result shows.
kie.ai: the id in the query, the real verdict in `code` under HTTP 200, the result as JSON inside a text.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import httpx2 as httpx
import pytest
from PIL import Image

from imageproof import Mock, MockAccount
from imageproof.specs import stamp

Client = Callable[[MockAccount], httpx.Client]
Json = dict[str, object]

LOOKALIKES = Path(__file__).parents[1] / "specs" / "lookalikes"
FAL = "/fal-ai/gpt-image-2"
CREATE = "/api/v1/jobs/createTask"
DETAIL = "/api/v1/jobs/recordInfo"
TEXT = "gpt-image-2-text-to-image"


@pytest.fixture(scope="module")
def lookalikes() -> Iterator[Mock]:
    paths = [str(LOOKALIKES / name) for name in ("fal.yaml", "kie.yaml")]
    with Mock(*paths, clock="manual", start=1_795_000_000.0) as running:
        yield running


@pytest.fixture
def fal(lookalikes: Mock) -> MockAccount:
    return lookalikes.account("fal")


@pytest.fixture
def kie(lookalikes: Mock) -> MockAccount:
    return lookalikes.account("kie")


def size_of(data: bytes) -> tuple[str, tuple[int, int]]:
    with Image.open(io.BytesIO(data)) as image:
        return str(image.format), image.size


# fal


def queued(http: httpx.Client, **changes: object) -> Json:
    answer = http.post(FAL, json={"prompt": "a red fox", **changes})
    assert answer.status_code == 200, answer.text[:500]
    return cast("Json", answer.json())


def test_a_queued_request_goes_through_its_states_and_its_result_is_fetched_by_a_second_get(
    fal: MockAccount, client: Client
) -> None:
    http = client(fal)
    submitted = queued(http, image_size="portrait_16_9", num_images=2, output_format="webp")
    status_url, response_url = str(submitted["status_url"]), str(submitted["response_url"])
    assert (submitted["status"], submitted["queue_position"]) == ("IN_QUEUE", 1)
    assert response_url == f"{fal.base_url}{FAL}/requests/{submitted['request_id']}"
    assert status_url == f"{response_url}/status"
    first = http.get(status_url).json()
    assert (first["status"], first["queue_position"]) == ("IN_QUEUE", 1)
    fal.advance_to_next()
    second = http.get(status_url).json()
    assert second["status"] == "IN_PROGRESS"
    assert "queue_position" not in second
    early = http.get(response_url)
    assert (early.status_code, early.json()) == (400, {"detail": "Request is still in progress"})
    fal.advance_to_next()
    assert http.get(status_url).json()["status"] == "COMPLETED"
    images = http.get(response_url).json()["images"]
    assert [image["content_type"] for image in images] == ["image/webp"] * 2
    files = [http.get(image["url"]).content for image in images]
    assert [size_of(data) for data in files] == [("WEBP", (576, 1024))] * 2
    assert all(stamp.matches(data, str(submitted["request_id"]), index) for index, data in enumerate(files))


@pytest.mark.parametrize(
    ("failure", "status", "kind"),
    [
        ("upstream_failed", 500, "runner_server_error"),
        ("upstream_timeout", 504, "request_timeout"),
        ("runner_incomplete_response", 502, "runner_incomplete_response"),
    ],
)
def test_a_failure_looks_complete_and_shows_at_the_result_alone(
    fal: MockAccount, client: Client, failure: str, status: int, kind: str
) -> None:
    http = client(fal)
    submitted = queued(http, prompt=f"a red fox [[fail: {failure}]]")
    fal.advance("10m")
    assert http.get(str(submitted["status_url"])).json()["status"] == "COMPLETED"
    result = http.get(str(submitted["response_url"]))
    assert (result.status_code, result.json()["error_type"]) == (status, kind)
    assert result.headers["X-Fal-Error-Type"] == kind
    assert fal.ledger()["balance_usd"] == fal.ledger()["opening_usd"]


def test_a_moderated_result_is_a_mistake_of_the_model_that_no_retry_cures(fal: MockAccount, client: Client) -> None:
    http = client(fal)
    submitted = queued(http, prompt="a red fox [[moderated: output]]")
    fal.advance("10m")
    result = http.get(str(submitted["response_url"]))
    assert (result.status_code, result.headers["X-Fal-Retryable"]) == (422, "false")
    assert result.json()["detail"][0]["type"] == "content_policy_violation"


@pytest.mark.parametrize(
    ("body", "kind", "rule"),
    [
        ({}, "missing", "prompt/required"),
        ({"prompt": "a red fox", "num_images": 5}, "value_error", "num_images/range"),
        ({"prompt": "a red fox", "image_size": "1024x1024"}, "value_error", "image_size/one-of"),
    ],
)
def test_a_wrong_body_gets_a_list_of_mistakes_with_their_places(
    fal: MockAccount, client: Client, body: Json, kind: str, rule: str
) -> None:
    answer = client(fal).post(FAL, json=body)
    (mistake,) = answer.json()["detail"]
    assert (answer.status_code, mistake["type"]) == (422, kind)
    assert mistake["loc"] == ["body", rule.partition("/")[0]]
    assert mistake["url"] == f"https://docs.fal.ai/errors/#{kind}"
    (exchange,) = cast("list[Json]", fal.journal())
    assert exchange["rules"] == [f"fal/submit{FAL}/{rule}"]


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer demo-key-id:demo-key-secret"}, {"Authorization": "Key short"}]
)
def test_a_key_is_taken_in_the_scheme_of_the_provider_only(fal: MockAccount, headers: dict[str, str]) -> None:
    answer = httpx.post(f"{fal.base_url}{FAL}", json={"prompt": "a red fox"}, headers=headers)
    assert (answer.status_code, answer.json()["detail"]) == (401, "Authentication is required")


def test_a_request_of_somebody_else_is_as_unknown_as_none(lookalikes: Mock, fal: MockAccount, client: Client) -> None:
    submitted = queued(client(fal))
    stranger = client(lookalikes.account("fal"))
    for address in (str(submitted["response_url"]), f"{FAL}/requests/no-such-request/status"):
        answer = stranger.get(address)
        assert (answer.status_code, answer.json()) == (404, {"detail": "Request not found"})


# kie.ai


def created(http: httpx.Client, **changes: object) -> str:
    answer = http.post(CREATE, json={"model": TEXT, "input": {"prompt": "a red fox", **changes}})
    assert (answer.status_code, answer.json()["code"]) == (200, 200), answer.text
    return str(answer.json()["data"]["taskId"])


def detail(http: httpx.Client, task_id: str) -> Json:
    answer = http.get(DETAIL, params={"taskId": task_id})
    assert (answer.status_code, answer.json()["code"]) == (200, 200), answer.text
    return cast("Json", answer.json()["data"])


def test_a_task_is_asked_for_by_query_and_its_result_is_json_in_a_text(kie: MockAccount, client: Client) -> None:
    http = client(kie)
    task_id = created(http, aspect_ratio="9:16", resolution="2K")
    assert (detail(http, task_id)["state"], detail(http, task_id)["resultJson"]) == ("waiting", "")
    kie.advance_to_next()
    assert detail(http, task_id)["state"] == "generating"
    kie.advance_to_next()
    done = detail(http, task_id)
    assert (done["state"], done["taskId"], done["failCode"]) == ("success", task_id, "")
    (url,) = json.loads(str(done["resultJson"]))["resultUrls"]
    asked = json.loads(str(done["param"]))
    assert asked == {"model": TEXT, "input": {"prompt": "a red fox", "aspect_ratio": "9:16"}}
    data = http.get(url).content
    assert size_of(data) == ("PNG", (1152, 2048))
    read = stamp.read(data)
    assert read is not None
    assert (read.task_id, read.prompt_digest) == (task_id, stamp.prompt_digest("a red fox"))
    assert int(str(done["completeTime"])) - int(str(done["createTime"])) >= 15_000
    assert kie.ledger()["balance_usd"] == pytest.approx(cast("float", kie.ledger()["opening_usd"]) - 0.05)


@pytest.mark.parametrize(
    ("failure", "code"), [("upstream_failed", "501"), ("upstream_timeout", "500"), ("moderated_output", "422")]
)
def test_a_failed_task_says_so_under_the_code_200_and_costs_nothing(
    kie: MockAccount, client: Client, failure: str, code: str
) -> None:
    http = client(kie)
    task_id = created(http, prompt=f"a red fox [[fail: {failure}]]")
    kie.advance("10m")
    done = detail(http, task_id)
    assert (done["state"], done["failCode"], done["resultJson"]) == ("fail", code, "")
    assert done["failMsg"]
    assert kie.ledger()["balance_usd"] == kie.ledger()["opening_usd"]


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ({"input": {"prompt": "a red fox"}}, "kie/any/any/model/required"),
        ({"model": TEXT}, f"kie/submit/{TEXT}/input/required"),
        ({"model": TEXT, "input": {}}, f"kie/submit/{TEXT}/input.prompt/required"),
        (
            {"model": TEXT, "input": {"prompt": "a red fox", "resolution": "4K", "aspect_ratio": "1:1"}},
            f"kie/submit/{TEXT}/no-square-4k",
        ),
    ],
)
def test_a_refusal_comes_as_a_code_under_http_200(kie: MockAccount, client: Client, body: Json, rule: str) -> None:
    answer = client(kie).post(CREATE, json=body)
    assert (answer.status_code, answer.json()["code"], answer.json()["data"]) == (200, 422, None)
    (exchange,) = cast("list[Json]", kie.journal())
    assert exchange["rules"] == [rule]
    assert kie.tasks() == []


def test_wrong_keys_empty_accounts_and_unknown_tasks_come_as_codes_too(lookalikes: Mock, client: Client) -> None:
    account = lookalikes.account("kie")
    http = client(account)
    body = {"model": TEXT, "input": {"prompt": "a red fox"}}
    answers = [
        httpx.post(f"{account.base_url}{CREATE}", json=body, headers={"Authorization": "Bearer short"}),
        client(lookalikes.account("kie", f"{account.key}_nocredit")).post(CREATE, json=body),
        http.get(DETAIL, params={"taskId": "task_gpt-image_none"}),
        http.get(DETAIL),
    ]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [
        (200, 401),
        (200, 402),
        (200, 404),
        (200, 404),
    ]
