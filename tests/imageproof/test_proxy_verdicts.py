"""The proxy judges both sides: honest traffic passes, one lie of the mock or one mistake of a client is found."""

import base64
import gzip
import json
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import httpx2 as httpx
import pytest

from imageproof import Mock, MockAccount
from tests.imageproof.proxying import PATIENCE_S, Proxied, fronted, proxied, talk

REAPI_JOB = {"model": "gpt-image-2", "prompt": "a red fox"}
KEY = "rk_live_very-secret-key-0123456789"


def client_of(proxy: Proxied, account: MockAccount) -> httpx.Client:
    return httpx.Client(base_url=proxy.url, headers=account.headers, timeout=PATIENCE_S)


def live(http: httpx.Client, account: MockAccount) -> None:
    """A good client's life: balance, submit, polls at the advised times to the end, a task that is unknown."""
    with suppress(json.JSONDecodeError):
        http.get("/api/v1/balance")
        submitted = http.post("/api/v1/images/generations", json=REAPI_JOB).json()
        task = submitted.get("id", "none")
        for _ in range(20):
            account.advance("5s")
            told = http.get(f"/api/v1/tasks/{task}").json()
            if told.get("status") in ("completed", "failed"):
                break
        http.get("/api/v1/tasks/task_00000000000000000000000000000000")


def test_honest_traffic_has_no_failure_on_either_side(tmp_path: Path) -> None:
    with Mock("reapi", clock="manual") as mock:
        account = mock.account()
        with proxied("reapi", account.base_url, tmp_path) as proxy, client_of(proxy, account) as http:
            live(http, account)
    assert proxy.failed is None
    assert proxy.failures() == set()
    assert proxy.result is not None
    assert proxy.result.exit == 0, proxy.result.says
    passed = {rule for rule, verdict in proxy.verdicts().items() if verdict == "passed"}
    assert {"reapi/answers/submit", "reapi/states/succeeded", "reapi/errors/task_not_found"} <= passed
    assert {"reapi/general/secret", "reapi/general/order", "reapi/client/requests"} <= passed
    assert proxy.run.footer is not None
    assert (proxy.run.footer.billable, proxy.run.footer.micro_usd) == (1, 7_000)


LIES = {
    "reapi/answers/submit!missing": "reapi/answers/submit",
    "reapi/answers/poll!retyped": "reapi/answers/poll",
    "reapi/states/succeeded!renamed": "reapi/states/succeeded",
    "reapi/states/id!retyped": "reapi/states/id",
    "reapi/errors/task_not_found!status": "reapi/errors/task_not_found",
    "reapi/general/secret!leaks": "reapi/general/secret",
    "reapi/general/json!broken": "reapi/general/json",
    "reapi/general/fresh-status!cached": "reapi/general/fresh-status",
    "reapi/submit/gpt-image-2/n/one-of!accepts": "reapi/submit/gpt-image-2/n/one-of",
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_of_the_provider_is_found_under_its_rule(lie: str, tmp_path: Path) -> None:
    with Mock("reapi", clock="manual", sabotage=lie) as mock:
        account = mock.account()
        with proxied("reapi", account.base_url, tmp_path) as proxy, client_of(proxy, account) as http:
            live(http, account)
            if "one-of" in lie:
                http.post("/api/v1/images/generations", json={**REAPI_JOB, "n": 2})
    assert proxy.failed is None
    mistakes = {"reapi/client/requests"} if "one-of" in lie else set()
    assert proxy.failures() == {LIES[lie]} | mistakes


def test_a_value_that_is_refused_although_it_is_allowed_is_found(tmp_path: Path) -> None:
    answer = {"error": {"code": 20003, "message": "gpt-image-2: invalid value for 'size': no", "request_id": "req_1"}}
    with fronted(lambda sock, _: sock.sendall(_json(400, answer)), tmp_path) as proxy:
        body = {**REAPI_JOB, "size": "16:9"}
        httpx.post(f"{proxy.url}/api/v1/images/generations", json=body, headers={"Authorization": f"Bearer {KEY}"})
    assert proxy.failures() == {"reapi/submit/gpt-image-2/size/one-of"}


def _json(status: int, body: object, *extra: str) -> bytes:
    raw = json.dumps(body).encode()
    head = [f"HTTP/1.1 {status} X", "Content-Type: application/json", f"Content-Length: {len(raw)}", *extra, "", ""]
    return "\r\n".join(head).encode() + raw


def test_a_client_that_breaks_a_rule_is_found(tmp_path: Path) -> None:
    with Mock("reapi", clock="manual") as mock:
        account = mock.account()
        with proxied("reapi", account.base_url, tmp_path) as proxy, client_of(proxy, account) as http:
            assert http.post("/api/v1/images/generations", json={**REAPI_JOB, "n": 2}).status_code == 400
    assert proxy.failures() == {"reapi/client/requests"}
    assert proxy.verdicts()["reapi/submit/gpt-image-2/n/one-of"] == "passed"  # the provider refused it rightly
    finding = next(item for item in proxy.run.findings if item.rule == "reapi/client/requests")
    assert "reapi/submit/gpt-image-2/n/one-of" in finding.actual
    assert [item.rules for item in proxy.run.exchanges.values()] == [("reapi/submit/gpt-image-2/n/one-of",)]


def test_a_client_that_shows_its_key_in_a_url_is_found(tmp_path: Path) -> None:
    with Mock("reapi", clock="manual") as mock:
        account = mock.account(key=KEY)
        with proxied("reapi", account.base_url, tmp_path) as proxy, client_of(proxy, account) as http:
            http.get(f"/api/v1/balance?note={KEY}")
    assert "reapi/client/key-in-url" in proxy.failures()
    assert KEY not in (tmp_path / "run.jsonl").read_text(encoding="utf-8")


def test_two_clients_are_judged_apart(tmp_path: Path) -> None:
    """Each polls as it should; together their polls would come too fast, and one would poll the other's task."""
    with Mock("reapi", clock="manual") as mock:
        one, other = mock.account(), mock.account()
        with (
            proxied("reapi", one.base_url, tmp_path) as proxy,
            client_of(proxy, one) as first,
            client_of(proxy, other) as second,
        ):
            live(first, one)
            live(second, other)
    assert proxy.failures() == set()


def test_a_result_that_is_fetched_with_the_key_is_seen(tmp_path: Path) -> None:
    with Mock("reapi", clock="manual") as mock:
        account = mock.account()
        with proxied("reapi", account.base_url, tmp_path) as proxy, client_of(proxy, account) as http:
            task = http.post("/api/v1/images/generations", json=REAPI_JOB).json()["id"]
            account.finish(task)
            url = http.get(f"/api/v1/tasks/{task}").json()["output"]["image_urls"][0]
            path = url.partition("/reapi/")[2]
            assert http.get(f"/{path}").headers["content-type"] == "image/png"
    downloads = [item for item in proxy.run.exchanges.values() if item.operation == "download"]
    assert [item.task for item in downloads] == [task]
    assert proxy.verdicts()["reapi/client/key-to-results"] == "warned"


def test_streams_forms_and_counts_of_tokens_are_judged(tmp_path: Path) -> None:
    with Mock("apiyi", clock="jump", pictures="plain") as mock:
        account = mock.account()
        with proxied("apiyi", account.base_url, tmp_path) as proxy, client_of(proxy, account) as http:
            job = {"model": "gpt-image-2", "prompt": "a fox", "stream": True, "partial_images": 2}
            assert "completed" in http.post("/v1/images/generations", json=job).text
            whole = http.post("/v1/images/generations", json={"model": "gpt-image-2", "prompt": "a fox"}).json()
            image = base64.b64decode(whole["data"][0]["b64_json"].rpartition(",")[2])
            files = {"image": ("fox.png", image, "image/png")}
            edited = http.post("/v1/images/edits", data={"model": "gpt-image-2", "prompt": "a fox"}, files=files)
            assert edited.status_code == 200
    assert proxy.failures() == set()
    passed = {rule for rule, verdict in proxy.verdicts().items() if verdict == "passed"}
    assert {"apiyi/stream/generate/partial", "apiyi/stream/generate/completed"} <= passed
    assert {"apiyi/general/usage-sums", "apiyi/answers/edit", "apiyi/answers/generate"} <= passed


@pytest.mark.parametrize("lie", ["apiyi/general/usage-sums!sums", "apiyi/stream/generate/completed!order"])
def test_lies_in_streams_and_counts_are_found(lie: str, tmp_path: Path) -> None:
    with Mock("apiyi", clock="jump", pictures="plain", sabotage=lie) as mock:
        account = mock.account()
        with proxied("apiyi", account.base_url, tmp_path) as proxy, client_of(proxy, account) as http:
            job = {"model": "gpt-image-2", "prompt": "a fox"}
            http.post("/v1/images/generations", json={**job, "stream": True, "partial_images": 2})
            http.post("/v1/images/generations", json=job)
    assert proxy.failures() == {lie.partition("!")[0]}


def test_packed_answers_are_passed_on_packed_and_judged_unpacked(tmp_path: Path) -> None:
    packed = gzip.compress(json.dumps({"balance": f"not a number, but {KEY}"}).encode())
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}"
    )
    raw = head.encode() + b"\r\nConnection: close\r\n\r\n" + packed
    request = f"GET /api/v1/balance HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {KEY}\r\nConnection: close\r\n\r\n"
    with fronted(lambda sock, _: sock.sendall(raw), tmp_path) as proxy:
        assert talk(proxy.port, request.encode()) == raw
    assert proxy.failures() == {"reapi/answers/balance", "reapi/general/secret"}
    assert KEY not in (tmp_path / "run.jsonl").read_text(encoding="utf-8")


def test_keys_are_in_no_file_however_they_are_sent(tmp_path: Path) -> None:
    """In headers of any kind, in URLs, in JSON and in answers; also a key that is only answered and never sent."""
    fresh, other = "rk_live_only-answered-42", "tok-abcdef-123456"
    answer = {"echo": KEY, "quoted": f'say "{KEY}"', "issued": fresh, "api_key": other}
    body = {"prompt": f"my key is {KEY}", "nested": {"password": "hunter2-hunter2"}}
    secrets = [KEY, fresh, other, "hunter2-hunter2", "cookie-value-99", "x-key-value-1", "query-key-77"]
    with fronted(lambda sock, _: sock.sendall(_json(200, answer, f"X-Echo: {KEY}")), tmp_path) as proxy:
        headers = {"Authorization": f"Bearer {KEY}", "X-Api-Key": "x-key-value-1", "Cookie": "s=cookie-value-99"}
        url = f"{proxy.url}/api/v1/images/generations?key=query-key-77&again={KEY}"
        httpx.post(url, json=body, headers=headers)
        httpx.post(url, content=base64.b64encode(KEY.encode()), headers=headers)
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"[key]" in written
    secrets.append(base64.b64encode(KEY.encode()).decode().rstrip("="))
    assert [secret for secret in secrets if secret.encode() in written] == []


def test_a_key_that_the_end_of_the_record_cuts_in_two_is_not_in_it(tmp_path: Path) -> None:
    text = "x" * ((1 << 20) - 20) + KEY + "y" * 5000

    with fronted(lambda sock, _: sock.sendall(_json(200, {"t": text})), tmp_path) as proxy:
        httpx.get(f"{proxy.url}/api/v1/balance", headers={"Authorization": f"Bearer {KEY}"})
    written = (tmp_path / "run.jsonl").read_text(encoding="utf-8")
    assert KEY[:12] not in written
    content = next(iter(proxy.run.exchanges.values())).response
    assert content is not None
    assert content.body is not None
    assert content.body.cut
    assert content.body.size > 1 << 20


def test_an_upstream_that_is_not_there_is_a_502_with_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with proxied("reapi", f"http://127.0.0.1:{port}", tmp_path) as proxy:
        answer = httpx.get(f"{proxy.url}/api/v1/balance")
    assert answer.status_code == 502
    assert answer.text == (
        f"imageproof proxy: expected the upstream to listen at 127.0.0.1:{port}, "
        "got a refused connection: is it running there?\n"
    )
    assert proxy.result is not None
    assert proxy.result.exit == 3
    assert proxy.failures() == set()
    trouble = next(iter(proxy.run.exchanges.values())).trouble
    assert trouble is not None
    assert trouble.kind == "refused"


def test_an_upstream_that_hangs_up_is_a_502(tmp_path: Path) -> None:
    with fronted(lambda sock, _: sock.shutdown(socket.SHUT_RDWR), tmp_path) as proxy:
        answer = httpx.get(f"{proxy.url}/api/v1/balance")
    assert answer.status_code == 502
    assert "got none: it closed the connection before it had answered" in answer.text


def test_what_is_no_http_is_a_502(tmp_path: Path) -> None:
    with fronted(lambda sock, _: sock.sendall(b"220 mail.example.com ESMTP\r\n\r\n"), tmp_path) as proxy:
        answer = httpx.get(f"{proxy.url}/api/v1/balance")
    assert answer.status_code == 502
    assert "expected an answer of HTTP/1" in answer.text


def test_it_is_no_http_proxy_and_says_so(tmp_path: Path) -> None:
    with proxied("reapi", "http://127.0.0.1:9", tmp_path) as proxy:
        answer = talk(proxy.port, b"GET http://example.com/x HTTP/1.1\r\nHost: example.com\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert b"make its address the base URL of the client, not its HTTP proxy" in answer
        assert talk(proxy.port, b"\x16\x03\x01 hello\r\n\r\n").startswith(b"HTTP/1.1 400 ")
        assert talk(proxy.port, b"GET /x HTTP/1.1\r\nA: " + b"x" * 70_000 + b"\r\n\r\n").startswith(b"HTTP/1.1 431 ")
    assert proxy.result is not None
    assert proxy.result.exit == 4
    assert "no request was seen" in proxy.result.says


def test_traffic_of_another_provider_is_no_pass(tmp_path: Path) -> None:
    with fronted(lambda sock, _: sock.sendall(_json(200, {})), tmp_path) as proxy:
        httpx.get(f"{proxy.url}/something/else")
    assert proxy.result is not None
    assert proxy.result.exit == 4
    assert "the only request is for no operation of reapi: is it another provider?" in proxy.result.says


def test_a_whole_suite_of_requests_finds_nothing_wrong_with_an_honest_provider(tmp_path: Path) -> None:
    """Hundreds of requests that break rules in every way: the suite is a bad client, the mock a good provider."""
    with Mock("reapi", clock="jump") as mock, proxied("reapi", mock.account().base_url, tmp_path) as proxy:
        options = ["--base-url", proxy.url, "--mode", "free", "--out", str(tmp_path / "suite"), "-q"]
        command = [sys.executable, "-m", "imageproof", "verify", "gateway", "reapi", *options]
        suite = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert suite.returncode == 0, suite.stdout  # it sees no difference between the proxy and the provider
    assert proxy.failed is None
    assert {rule for rule in proxy.failures() if "/client/" not in rule} == set()
    assert len(proxy.verdicts()) > 40
