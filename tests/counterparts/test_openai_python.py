"""The official Python SDK of OpenAI, as it comes, against the two contracts that it speaks."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Iterator
from typing import Literal

import httpx2 as httpx
import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types import Image, ImagesResponse

from imageproof import Mock, MockAccount
from imageproof.specs import stamp
from tests.counterparts.watching import charges, exchanges, header, kind_of, picture, statuses, until

Connect = Callable[..., OpenAI]
Form = Literal["png", "jpeg", "webp"]
Quality = Literal["low", "medium", "high"]

MODEL = "gpt-image-2"
TEXT_TOKENS = 9  # of "a red fox" at both: three for nine characters, and six around every prompt
SQUARE_TOKENS = {"low": 196, "medium": 1756, "high": 7024}  # the published figures for 1024x1024


@pytest.fixture(params=["openai", "apiyi"])
def account(request: pytest.FixtureRequest, mock: Mock) -> MockAccount:
    return mock.account(str(request.param))


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Iterator[Connect]:
    """Make clients that try again at once, so that no test waits, and close them in the end."""
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.0)
    made: list[OpenAI] = []

    def make(account: MockAccount, **settings: object) -> OpenAI:
        options: dict[str, object] = {"max_retries": 0, "timeout": 60.0, "api_key": account.key, **settings}
        made.append(OpenAI(base_url=f"{account.base_url}/v1", **options))  # type: ignore[arg-type]  # by name
        return made[-1]

    yield make
    for client in made:
        client.close()


def images_of(*answers: ImagesResponse) -> list[Image]:
    return [image for answer in answers for image in answer.data or []]


def decoded(text: str | None) -> bytes:
    assert text is not None
    return base64.b64decode(text, validate=True)


@pytest.mark.parametrize(
    ("size", "form"), [("1024x1024", "png"), ("1536x1024", "jpeg"), ("1008x1792", "webp"), ("3840x2160", "jpeg")]
)
def test_an_image_is_what_was_asked_for_and_names_its_request(
    account: MockAccount, connect: Connect, size: str, form: Form
) -> None:
    answer = connect(account).images.generate(
        model=MODEL,
        prompt="a red fox",
        size=size,
        output_format=form,
        quality="low",
    )
    (image,) = images_of(answer)
    data = decoded(image.b64_json)
    width, _, height = size.partition("x")
    assert kind_of(data) == (form.upper(), (int(width), int(height)))
    read = stamp.read(data)
    assert read is not None
    assert read.prompt_digest == stamp.prompt_digest("a red fox")
    (exchange,) = exchanges(account)
    assert stamp.matches(data, str(exchange["task"]), 0)


@pytest.mark.parametrize("quality", SQUARE_TOKENS)
def test_usage_and_price_are_those_of_the_tariff(account: MockAccount, connect: Connect, quality: Quality) -> None:
    answer = connect(account).images.generate(
        model=MODEL,
        prompt="a red fox",
        size="1024x1024",
        quality=quality,
    )
    usage = answer.usage
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens) == (TEXT_TOKENS, SQUARE_TOKENS[quality])
    assert usage.total_tokens == TEXT_TOKENS + SQUARE_TOKENS[quality]
    assert charges(account) == [pytest.approx((TEXT_TOKENS * 5 + SQUARE_TOKENS[quality] * 30) / 1e6)]


def test_several_images_at_once_are_different_ones(mock: Mock, connect: Connect) -> None:
    answer = connect(mock.account("openai")).images.generate(model=MODEL, prompt="a red fox", n=3, quality="low")
    stamps = [stamp.read(decoded(image.b64_json)) for image in images_of(answer)]
    assert [found.index for found in stamps if found] == [0, 1, 2]
    assert len({found.task_id for found in stamps if found}) == 1


def test_an_edit_takes_several_images_and_a_mask(account: MockAccount, connect: Connect) -> None:
    client = connect(account)
    images = [picture(name=f"{number}.png") for number in range(3)]
    with_mask = client.images.edit(
        model=MODEL, prompt="a red fox", image=images, mask=picture(alpha=True), size="1536x1024", quality="low"
    )
    without = client.images.edit(model=MODEL, prompt="a red fox", image=images, size="1536x1024", quality="low")
    drawn = [decoded(image.b64_json) for image in images_of(with_mask, without)]
    assert [kind_of(data) for data in drawn] == [("PNG", (1536, 1024))] * 2
    assert drawn[0] != drawn[1]
    assert with_mask.usage is not None
    assert with_mask.usage.input_tokens_details.image_tokens == 3 * 1024
    assert [entry["operation"] for entry in exchanges(account)] == ["edit", "edit"]


def test_an_edit_of_a_single_image(account: MockAccount, connect: Connect) -> None:
    answer = connect(account).images.edit(model=MODEL, prompt="a red fox", image=picture(), size="1024x1024")
    (image,) = images_of(answer)
    assert kind_of(decoded(image.b64_json)) == ("PNG", (1024, 1024))


@pytest.mark.parametrize("partials", [0, 1, 3])
def test_a_stream_sends_previews_and_then_the_image_with_its_usage(
    account: MockAccount, connect: Connect, partials: int
) -> None:
    stream = connect(account).images.generate(
        model=MODEL, prompt="a red fox", size="1024x1024", quality="low", stream=True, partial_images=partials
    )
    *previews, last = stream
    assert [event.type for event in previews] == ["image_generation.partial_image"] * partials
    assert [getattr(event, "partial_image_index", None) for event in previews] == list(range(partials))
    stages = [stamp.read(decoded(event.b64_json)) for event in previews]
    assert [found.stage for found in stages if found] == list(range(partials))
    assert last.type == "image_generation.completed"
    data = decoded(last.b64_json)
    assert kind_of(data) == ("PNG", (1024, 1024))
    (exchange,) = exchanges(account)
    assert stamp.matches(data, str(exchange["task"]), 0)
    assert last.usage.output_tokens == SQUARE_TOKENS["low"] + 100 * partials
    assert last.usage.total_tokens == TEXT_TOKENS + SQUARE_TOKENS["low"] + 100 * partials
    assert charges(account) == [pytest.approx((TEXT_TOKENS * 5 + last.usage.output_tokens * 30) / 1e6)]


def test_an_edit_streams_too(account: MockAccount, connect: Connect) -> None:
    stream = connect(account).images.edit(
        model=MODEL,
        prompt="a red fox",
        image=[picture(), picture(name="second.png")],
        size="1024x1024",
        quality="low",
        stream=True,
        partial_images=2,
    )
    events = list(stream)
    assert [event.type for event in events] == ["image_edit.partial_image"] * 2 + ["image_edit.completed"]
    last = events[-1]
    assert last.type == "image_edit.completed"
    assert last.usage.output_tokens == SQUARE_TOKENS["low"] + 200
    assert last.usage.input_tokens_details.image_tokens == 2 * 1024


def test_the_async_client_gets_each_answer_to_its_own_request(account: MockAccount) -> None:
    prompts = [f"fox number {number}" for number in range(4)]

    async def ask() -> list[bytes]:
        async with AsyncOpenAI(base_url=f"{account.base_url}/v1", api_key=account.key, max_retries=0) as client:
            answers = await asyncio.gather(
                *(client.images.generate(model=MODEL, prompt=prompt, quality="low") for prompt in prompts)
            )
        return [decoded(image.b64_json) for image in images_of(*answers)]

    stamps = [stamp.read(data) for data in asyncio.run(ask())]
    assert [found.prompt_digest for found in stamps if found] == [stamp.prompt_digest(prompt) for prompt in prompts]


def test_a_refused_value_is_a_bad_request_that_names_its_parameter(account: MockAccount, connect: Connect) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        connect(account).images.generate(model=MODEL, prompt="a red fox", size="1000x1000")
    assert (caught.value.status_code, caught.value.code, caught.value.param) == (400, "invalid_value", "size")
    (exchange,) = exchanges(account)
    assert exchange["rules"] == [f"{account.provider}/generate/{MODEL}/size/edge-multiple"]
    assert caught.value.request_id == header(exchange["response"], "x-request-id")
    assert str(caught.value.request_id).startswith("req_")
    assert charges(account) == []


def test_a_wrong_key_is_an_authentication_error(account: MockAccount, connect: Connect) -> None:
    with pytest.raises(openai.AuthenticationError) as caught:
        connect(account, api_key="wrong").images.generate(model=MODEL, prompt="a red fox")
    assert (caught.value.status_code, caught.value.code) == (401, "invalid_api_key")
    assert str(caught.value.request_id).startswith("req_")


@pytest.mark.parametrize(
    ("trigger", "error", "codes"),
    [
        ("[[error: rate_limited]]", openai.RateLimitError, {"rate_limit_exceeded"}),
        ("[[error: insufficient_funds]]", openai.RateLimitError, {"insufficient_quota", "insufficient_user_quota"}),
        ("[[error: internal]]", openai.InternalServerError, {None, "internal_error"}),
        ("[[error: unavailable]]", openai.InternalServerError, {None, "service_unavailable"}),
        ("[[moderated]]", openai.BadRequestError, {"moderation_blocked"}),
        ("[[moderated: output]]", openai.BadRequestError, {"moderation_blocked"}),
    ],
)
def test_each_trouble_is_the_error_that_the_sdk_has_for_it_and_costs_nothing(
    account: MockAccount, connect: Connect, trigger: str, error: type[openai.APIStatusError], codes: set[str | None]
) -> None:
    with pytest.raises(error) as caught:
        connect(account).images.generate(model=MODEL, prompt=f"a red fox {trigger}")
    assert type(caught.value) is error
    assert caught.value.code in codes
    assert charges(account) == []


def test_an_account_without_money_is_a_rate_limit_error_that_no_waiting_cures(mock: Mock, connect: Connect) -> None:
    key = f"{mock.account('openai').key}_nocredit"
    with pytest.raises(openai.RateLimitError) as caught:
        connect(mock.account("openai", key)).images.generate(model=MODEL, prompt="a red fox")
    assert caught.value.code == "insufficient_quota"


def test_two_bad_gateways_are_tried_again_and_one_image_is_charged(account: MockAccount, connect: Connect) -> None:
    answer = connect(account, max_retries=2).images.generate(
        model=MODEL, prompt="a red fox [[status: 502 x2]]", quality="low"
    )
    assert len(images_of(answer)) == 1
    assert statuses(account) == [502, 502, 200]
    counted = [header(entry["request"], "x-stainless-retry-count") for entry in exchanges(account)]
    assert counted == ["0", "1", "2"]
    bodies = {str(entry["request"]["body"]) for entry in exchanges(account)}
    assert len(bodies) == 1
    assert len(charges(account)) == 1


def test_what_never_works_is_given_up_after_the_last_try(account: MockAccount, connect: Connect) -> None:
    with pytest.raises(openai.InternalServerError):
        connect(account, max_retries=2).images.generate(model=MODEL, prompt="a red fox [[status: 503 x9]]")
    assert statuses(account) == [503] * 3
    assert charges(account) == []


def test_a_bad_request_is_not_tried_again(account: MockAccount, connect: Connect) -> None:
    with pytest.raises(openai.BadRequestError):
        connect(account, max_retries=2).images.generate(model=MODEL, prompt="")
    assert statuses(account) == [400]


def test_an_edit_is_tried_again_with_its_files(account: MockAccount, connect: Connect) -> None:
    answer = connect(account, max_retries=1).images.edit(
        model=MODEL, prompt="a red fox [[status: 500]]", image=[picture(), picture()], quality="low"
    )
    assert statuses(account) == [500, 200]
    assert answer.usage is not None
    assert answer.usage.input_tokens_details.image_tokens == 2 * 1024


def test_a_client_that_leaves_is_billed_all_the_same(account: MockAccount, connect: Connect) -> None:
    account.set(clock="manual")
    client = connect(account, timeout=httpx.Timeout(30.0, read=0.3))
    with pytest.raises(openai.APITimeoutError):
        client.images.generate(model=MODEL, prompt="a red fox", size="1024x1024", quality="high")
    assert charges(account) == []

    def is_charged() -> bool:
        account.advance_to_next()
        return bool(charges(account))

    until(is_charged)
    assert charges(account) == [pytest.approx((TEXT_TOKENS * 5 + SQUARE_TOKENS["high"] * 30) / 1e6)]


def test_a_timeout_that_is_tried_again_is_billed_for_each_try(mock: Mock, connect: Connect) -> None:
    account = mock.account("apiyi")
    account.set(clock="manual")
    client = connect(account, max_retries=1, timeout=httpx.Timeout(30.0, read=0.3))
    with pytest.raises(openai.APITimeoutError):
        client.images.generate(model=MODEL, prompt="a red fox", quality="low")

    def are_charged() -> bool:
        account.advance_to_next()
        return len(charges(account)) == 2

    until(are_charged)
    assert len(exchanges(account)) == 2


def test_the_other_channel_of_apiyi_answers_with_a_prefix_or_a_url(mock: Mock, connect: Connect) -> None:
    account = mock.account("apiyi")
    client = connect(account)
    inline = client.images.generate(model="gpt-image-2-all", prompt="a red fox")
    linked = client.images.generate(model="gpt-image-2-all", prompt="a red fox", response_format="url")
    first, second = images_of(inline, linked)
    prefix, _, encoded = str(first.b64_json).partition(",")
    assert prefix == "data:image/png;base64"
    fetched = httpx.get(str(second.url))
    assert [kind_of(data) for data in (decoded(encoded), fetched.content)] == [("PNG", (1024, 1024))] * 2
    assert charges(account) == [0.03, 0.03]


def test_the_models_are_listed(mock: Mock, connect: Connect) -> None:
    listed = [model.id for model in connect(mock.account("openai")).models.list()]
    assert listed == ["gpt-image-2", "gpt-image-1.5"]
