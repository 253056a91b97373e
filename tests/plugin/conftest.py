"""Tests in tests: each runs a pytest of its own in a folder of its own, as a user of the plugin would."""

from __future__ import annotations

import pytest

SENDING = '''
import json
from urllib.error import HTTPError
from urllib.request import Request, urlopen

PATHS = {"reapi": "/api/v1/images/generations", "toapis": "/v1/images/generations"}


def send(mock, path, body=None, headers=None, method=None):
    """Status and body of one request."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else None
    every = {**mock.headers, "Content-Type": "application/json"} if headers is None else headers
    try:
        with urlopen(Request(mock.base_url + path, data, every, method=method), timeout=30) as answer:
            return answer.status, json.load(answer)
    except HTTPError as error:
        return error.code, error.read().decode()


def submit(mock, prompt="a red fox", **fields):
    """Status and body of a submit."""
    return send(mock, PATHS[mock.provider], {"model": "gpt-image-2", "prompt": prompt, **fields})


def poll(mock, task):
    """Status and body of a poll."""
    return send(mock, f"/api/v1/tasks/{task}")


def poll_to_the_end(mock):
    """The last state of a new task."""
    task = submit(mock)[1]
    while task["status"] == "processing":
        task = poll(mock, task["id"])[1]
    return task["status"]
'''


@pytest.fixture
def inside(pytester: pytest.Pytester) -> pytest.Pytester:
    """A folder whose tests may import `sending`."""
    pytester.makepyfile(sending=SENDING)
    pytester.makeini("[pytest]\naddopts = -p no:cacheprovider --strict-markers\n")
    return pytester
