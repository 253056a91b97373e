"""A test whose client sends what no rule explains fails, says why once, and shows all that was sent."""

from __future__ import annotations

import pytest

HEAD = """\
import pytest
from sending import poll, poll_to_the_end, send, submit

pytestmark = pytest.mark.imageproof("reapi")

"""
BAD_SIZE = "reapi/submit/gpt-image-2/size/one-of"
KEY = "rk_live_demo-"


def run(inside: pytest.Pytester, body: str, *arguments: str) -> pytest.RunResult:
    """Run one test with this body, or a whole file."""
    if "def test" not in body:
        lines = "\n".join(f"    {line}" for line in body.strip().splitlines())
        body = f"def test_it(imageproof_mock):\n{lines}\n"
    inside.makepyfile(HEAD + body)
    return inside.runpytest(*arguments)


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ("submit(imageproof_mock, size='7:1')", f"{BAD_SIZE}: size must be one of"),
        ("send(imageproof_mock, '/api/v2/images', {})", "path: the provider has nothing at this path (#1)"),
        ("send(imageproof_mock, '/api/v1/balance', {})", "method: the path does not take this method (#1)"),
        ("send(imageproof_mock, '/api/v1/balance', headers={})", "auth_missing: the request carries no key (#1)"),
        (
            "send(imageproof_mock, '/api/v1/balance', headers={'Authorization': 'Bearer sk-1'})",
            "auth_invalid: the key is not of the provider's form (#1)",
        ),
        ("send(imageproof_mock, '/api/v1/images/generations', b'{')", "refused: "),
        ("poll(imageproof_mock, 'task_0')", "refused: the account has no such task (#1)"),
        ("submit(imageproof_mock, '[[slow: soon]]')", "refused: "),
    ],
)
def test_a_request_that_no_rule_explains_fails_the_test(inside: pytest.Pytester, body: str, names: str) -> None:
    result = run(inside, body)
    result.assert_outcomes(failed=1)
    said = result.stdout.str()
    assert names in said
    assert "the client sent 1 request that the contract of reapi does not allow" in said
    assert "if the test means this: imageproof_mock.allow_violations(" in said
    assert KEY not in said


@pytest.mark.parametrize(
    "body",
    [
        "submit(imageproof_mock)",
        "imageproof_mock.scenario('moderated')\nassert submit(imageproof_mock)[0] == 400",
        "imageproof_mock.set(balance_usd=0)\nassert submit(imageproof_mock)[0] == 402",
        "imageproof_mock.scenario('status: 502 x1')\nassert submit(imageproof_mock)[0] == 502",
        "imageproof_mock.scenario('status: 404 x1')\nassert submit(imageproof_mock)[0] == 404",
        "imageproof_mock.scenario('error: rate_limited x1')\nassert submit(imageproof_mock)[0] == 429",
        "imageproof_mock.scenario('fail: upstream_failed')\nassert poll_to_the_end(imageproof_mock) == 'failed'",
    ],
)
def test_what_a_provider_may_answer_to_a_good_client_fails_no_test(inside: pytest.Pytester, body: str) -> None:
    run(inside, body).assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("allowed", "outcome"),
    [("", "passed"), (f"'{BAD_SIZE}'", "passed"), ("'reapi/submit/**'", "passed"), ("'path', '*/n/*'", "failed")],
)
def test_a_test_says_what_it_expects(inside: pytest.Pytester, allowed: str, outcome: str) -> None:
    body = f"imageproof_mock.allow_violations({allowed})\nsubmit(imageproof_mock, size='7:1')"
    run(inside, body).assert_outcomes(**{outcome: 1})


def test_the_marker_and_the_configuration_can_allow_all_of_it(inside: pytest.Pytester) -> None:
    body = "def test_it(imageproof_mock):\n    submit(imageproof_mock, size='7:1')\n"
    run(inside, f"@pytest.mark.imageproof(violations='allow')\n{body}").assert_outcomes(passed=1)
    run(inside, body, "-o", "imageproof_violations=allow").assert_outcomes(passed=1)
    strict = f"@pytest.mark.imageproof(violations='fail')\n{body}"
    run(inside, strict, "-o", "imageproof_violations=allow").assert_outcomes(failed=1)


def test_every_breach_is_told_at_once_and_each_only_once(inside: pytest.Pytester) -> None:
    body = "for _ in range(9):\n    submit(imageproof_mock, size='7:1')\nsubmit(imageproof_mock, n=9, resolution='9k')"
    said = run(inside, body).stdout.str()
    assert "the client sent 10 requests" in said
    assert "(#1, #2, #3, #4, #5 and 4 more)" in said
    told = said.partition("short test summary info")[0]  # which repeats the whole of it where CI is set
    assert told.count(f"  {BAD_SIZE}:") == 1
    assert "reapi/submit/gpt-image-2/n/one-of: " in said


def test_a_test_that_fails_by_itself_fails_once_and_shows_what_was_sent(inside: pytest.Pytester) -> None:
    result = run(inside, "submit(imageproof_mock, size='7:1')\nassert False, 'mine'")
    result.assert_outcomes(failed=1)
    said = result.stdout.str()
    assert "mine" in said
    assert "the client sent" not in said
    result.stdout.fnmatch_lines(
        [
            "*requests to imageproof_mock*",
            "  #  at * operation * request * answer",
            f"  1  * submit * POST /reapi/api/v1/images/generations * 400 * breaks {BAD_SIZE}",
            "  #1 POST /reapi/api/v1/images/generations",
            '    sent * "size": "7:1"*',
            "    answered 400 *",
        ]
    )


def test_a_test_that_passes_shows_nothing(inside: pytest.Pytester) -> None:
    assert "requests to imageproof_mock" not in run(inside, "submit(imageproof_mock)", "-rA").stdout.str()


def test_what_is_sent_while_other_fixtures_end_is_judged_too(inside: pytest.Pytester) -> None:
    result = run(
        inside,
        "@pytest.fixture\n"
        "def late(imageproof_mock):\n"
        "    yield\n"
        "    submit(imageproof_mock, size='7:1')\n\n"
        "def test_it(late):\n    pass\n",
    )
    result.assert_outcomes(passed=1, errors=1)
    assert BAD_SIZE in result.stdout.str()


def test_skips_and_expected_failures_stay_what_they_are(inside: pytest.Pytester) -> None:
    run(
        inside,
        "def test_skipped(imageproof_mock):\n"
        "    submit(imageproof_mock, size='7:1')\n"
        "    pytest.skip('no')\n\n"
        "@pytest.mark.xfail(strict=True)\n"
        "def test_expected(imageproof_mock):\n"
        "    submit(imageproof_mock, size='7:1')\n",
    ).assert_outcomes(skipped=1, xfailed=1)


def test_one_test_is_not_blamed_for_what_another_has_sent(inside: pytest.Pytester) -> None:
    result = run(
        inside,
        "def test_bad(imageproof_mock):\n    send(imageproof_mock, '/nowhere', headers={})\n\n"
        "def test_good(imageproof_mock):\n    submit(imageproof_mock)\n",
    )
    result.assert_outcomes(passed=1, failed=1)
