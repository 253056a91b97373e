"""ToAPIs as a contract, beside what a request may hold: tasks, replies, uploads, balances, limits, calls back."""

from __future__ import annotations

import pytest

from imageproof.specs.check import Checker
from imageproof.specs.files import FileFacts
from imageproof.specs.library import load
from imageproof.specs.model import Does, Phase
from tests.specs.judging import picture, rule_of

LIMIT_HEADERS = {
    "X-RateLimit-Limit": "{limit.per_minute}",
    "X-RateLimit-Remaining": "{limit.remaining}",
    "X-RateLimit-Reset": "{limit.reset}",
}
TASK: dict[str, object] = {
    "task.id": "task_img_abc123def456", "model": "gpt-image-2", "state": "queued", "task.progress": 0,
    "task.created": 1768380900, "task.completed": 1768381063, "task.expires": 1768467463, "task.alias": None,
}  # fmt: skip
WIRE: dict[str, object] = {
    "id": "task_img_abc123def456", "object": "generation.task", "model": "gpt-image-2", "status": "queued",
    "progress": 0, "created_at": 1768380900,
}  # fmt: skip


def test_a_task_has_four_states() -> None:
    tasks = load("toapis").tasks
    assert tasks is not None
    assert dict(tasks.states) == {
        Phase.QUEUED: "queued",
        Phase.RUNNING: "in_progress",
        Phase.SUCCEEDED: "completed",
        Phase.FAILED: "failed",
    }
    assert (tasks.id_template, tasks.alias_field, tasks.progress) == ("task_img_{alnum12}", "client_business_id", True)
    assert rule_of("toapis/states/also-seen").sentence.endswith(": submitted, pending")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("upstream_failed", "generation_failed"),
        ("upstream_timeout", "generation_failed"),
        ("moderated_output", "content_policy_violation"),
    ],
)
def test_a_task_fails_with_a_code(name: str, code: str) -> None:
    tasks = load("toapis").tasks
    assert tasks is not None
    assert tasks.failures[name].code == code


def test_a_client_polls_after_five_seconds_and_gives_up_after_five_minutes() -> None:
    tasks = load("toapis").tasks
    assert tasks is not None
    assert tasks.polling is not None
    assert (tasks.polling.first_s, tasks.polling.give_up_s) == (5, 300)
    assert [(phase.until_s, phase.every_s) for phase in tasks.polling.phases] == [(None, (5, 10))]


def test_a_result_lives_for_a_day() -> None:
    results = load("toapis").results
    assert results is not None
    assert results.expires_s == 24 * 3600


@pytest.mark.parametrize(("alias", "echoed"), [(None, {}), ("order-7", {"client_business_id": "order-7"})])
def test_a_submission_is_answered_with_a_task(alias: str | None, echoed: dict[str, str]) -> None:
    submit = load("toapis").operations["submit"]
    assert (submit.method, submit.path, submit.content) == ("POST", "/v1/images/generations", "json")
    assert submit.answer.status == 200
    assert submit.answer.body is not None
    assert submit.answer.body.plain({**TASK, "task.alias": alias}) == {**WIRE, "metadata": {}, **echoed}


@pytest.mark.parametrize("phase", [Phase.QUEUED, Phase.RUNNING])
def test_a_poll_of_a_task_under_way_tells_its_progress(phase: Phase) -> None:
    poll = load("toapis").operations["poll"]
    assert (poll.method, poll.path) == ("GET", "/v1/images/generations/{task_id}")
    made = poll.answer.by_phase[phase].plain({**TASK, "state": "in_progress", "task.progress": 50})
    assert made == {**WIRE, "status": "in_progress", "progress": 50}


@pytest.mark.parametrize(
    ("asked", "entry"), [("url", {"url": "https://files.test/a.png"}), ("b64_json", {"b64_json": "aGk="})]
)
def test_a_poll_of_a_completed_task_has_its_image(asked: str, entry: dict[str, str]) -> None:
    images = [{"image.url": "https://files.test/a.png", "image.base64": "aGk="}]
    told = {**TASK, "state": "completed", "task.progress": 100, "request.response_format": asked, "images": images}
    assert load("toapis").operations["poll"].answer.by_phase[Phase.SUCCEEDED].plain(told) == {
        **WIRE,
        "status": "completed",
        "progress": 100,
        "completed_at": 1768381063,
        "expires_at": 1768467463,
        "result": {"type": "image", "data": [entry]},
    }


def test_a_poll_of_a_failed_task_has_its_error() -> None:
    told = {**TASK, "state": "failed", "failure.code": "generation_failed", "failure.message": "told"}
    made = load("toapis").operations["poll"].answer.by_phase[Phase.FAILED].plain(told)
    assert made == {**WIRE, "status": "failed", "error": {"code": "generation_failed", "message": "told"}}


def test_uploads_have_an_envelope_of_their_own() -> None:
    spec = load("toapis")
    upload = spec.operation_for(Does.UPLOAD)
    assert upload is not None
    assert (upload.path, upload.content) == ("/v1/uploads/images", "multipart")
    assert upload.envelope is not None
    assert upload.envelope.plain({"message": "told"}) == {"success": False, "message": "told"}
    told = {"message": "told", "code": "c", "type": "kind"}
    assert spec.envelope.plain(told) == {"error": told}
    assert upload.answer.body is not None
    facts = {
        "file.id": "upload_1", "file.url": "https://files.test/a.jpg", "file.type": "image/jpeg", "file.bytes": 89_234,
    }  # fmt: skip
    data = {"id": "upload_1", "url": "https://files.test/a.jpg", "mime_type": "image/jpeg", "size": 89_234}
    assert upload.answer.body.plain(facts) == {"success": True, "message": "", "data": data}


@pytest.mark.parametrize(
    ("file", "rules", "message"),
    [
        *[(picture(file_format=name), [], "") for name in ("jpeg", "png", "webp", "gif")],
        (picture(size=10_485_760), [], ""),
        (picture(size=10_485_761), ["file-bytes"], "Image too large. Maximum size is 10MB"),
        (picture(file_format="bmp"), ["file-format"], "Unsupported image type. Allowed: JPEG, PNG, WebP, GIF"),
    ],
)
def test_an_upload_is_judged_by_type_and_size(file: FileFacts, rules: list[str], message: str) -> None:
    spec = load("toapis")
    found = Checker(spec.shapes["upload"]).check({"file": file})
    assert [violation.rule.id for violation in found] == [f"toapis/upload/any/file/{rule}" for rule in rules]
    assert [spec.errors[violation.rule.error or ""].message for violation in found] == [message] * len(rules)


def test_an_upload_needs_a_file() -> None:
    found = Checker(load("toapis").shapes["upload"]).check({"purpose": "generation"})
    assert [violation.rule.id for violation in found] == ["toapis/upload/any/file/required"]


def test_there_is_a_balance_of_the_key_and_one_of_its_owner() -> None:
    spec = load("toapis")
    asked = {item.path: item.answer for item in spec.operations.values() if item.does is Does.BALANCE}
    assert list(asked) == ["/v1/balance", "/v1/user/balance"]
    account = {"account.usd": 1.5, "account.used_usd": 0.5, "account.credits": 300, "account.used_credits": 100}
    for answer in asked.values():
        assert answer.body is not None
        assert answer.body.plain(account) == {
            "success": True, "remain_balance": 1.5, "used_balance": 0.5, "remain_credits": 300, "used_credits": 100,
            "credits_per_usd": 200, "unlimited_quota": False,
        }  # fmt: skip
    assert spec.billing.micro_usd_per_credit == 1_000_000 // 200


@pytest.mark.parametrize(
    ("name", "per_minute", "burst", "category", "others"),
    [
        ("submit", 300, 50, "async_submit", ("1000", "2000")),
        ("poll", 3000, 500, "async_query", ("10000", "30000")),
    ],
)
def test_the_limits_of_the_default_tier_are_in_force(
    name: str, per_minute: int, burst: int, category: str, others: tuple[str, str]
) -> None:
    limit = load("toapis").limits[name]
    assert (limit.per_minute, limit.burst, limit.scope) == (per_minute, burst, "user")
    assert limit.headers == {**LIMIT_HEADERS, "X-RateLimit-Category": category}
    assert load("toapis").errors["rate_limited"].headers == {"Retry-After": "{retry_after}"}
    note = rule_of(f"toapis/limits/{name}").note or ""
    assert [tier in note for tier in others] == [True, True]


def test_calls_back_are_signed_and_tried_again() -> None:
    hooks = load("toapis").webhooks
    assert hooks is not None
    assert (hooks.url_field, hooks.algorithm, hooks.timeout_s) == ("callback_url", "hmac-sha256-hex", 10)
    assert hooks.signed == "{webhook.id}.{webhook.timestamp}.{webhook.body}"
    assert hooks.headers == {
        "X-ToAPIs-Webhook-Id": "{webhook.id}",
        "X-ToAPIs-Webhook-Timestamp": "{webhook.timestamp}",
        "X-ToAPIs-Webhook-Signature": "v1={webhook.signature}",
    }
    assert list(hooks.retries_s) == [10, 30, 120, 600, 3600, 6 * 3600, 24 * 3600]
    assert hooks.events == {Phase.SUCCEEDED: "generation.completed", Phase.FAILED: "generation.failed"}


def test_keys_begin_with_sk() -> None:
    auth = load("toapis").auth
    assert (auth.header, auth.scheme) == ("Authorization", "Bearer")
    assert auth.key_pattern.startswith("sk-")
    assert auth.key_example.startswith("sk-")
