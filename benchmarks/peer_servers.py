"""The mocks of others as the benchmarks start them, with the leanest stubs they have: method, path, canned answer.

They answer the bytes of our own answers and look at nothing in the request, except for aimock, which keeps jobs, and
Prism, which validates against the OpenAPI document that we export. All of them as they come, but quiet.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import throughput
from throughput import Server

if TYPE_CHECKING:
    from collections.abc import Callable

MODULES = throughput.HERE / "peers" / "node_modules"
JSON_TYPE = "application/json"
SUBMIT = "/api/v1/images/generations"
POLL = "/api/v1/tasks/"
IMAGES = "/v1/images/generations"
IMAGE_BODY: dict[str, object] = {"model": "gpt-image-2", "prompt": throughput.BODY["prompt"], "size": "1024x1024"}
HEAP = "-Xmx1g"
KEPT = 10_000  # requests in a journal, as many as ours keeps


class NotInstalledError(Exception):
    """A peer can't be started here; the text says what it needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Canned:
    """Our own answers, which the peers give as well: the id, both bodies as text, and an image as base64."""

    task: str
    submit: str
    poll: str
    image: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """One who takes part: `make` gives its server; `ours` the one of ours that it is measured against."""

    name: str
    what: str
    make: Callable[[Path, Canned], Server]
    ours: Callable[[], Server]


def needs(program: str, *parts: str) -> str:
    """The path of a file in the installed packages. Raises NotInstalledError where it or the program is missing."""
    if shutil.which(program) is None:
        package = {"node": "nodejs", "java": "default-jre-headless"}[program]
        raise NotInstalledError(f"there is no {program}: apt-get install {package}")
    found = sorted(MODULES.glob("/".join(parts)))
    if not found:
        raise NotInstalledError(f"{parts[0]} is not in benchmarks/peers: npm install --prefix benchmarks/peers")
    return str(found[0])


def ours() -> Server:
    """One worker of the mock for polled tasks, with everything on."""
    return throughput.servers()[0]


def ours_held() -> Server:
    """One worker of the mock for synchronous images, whose clock jumps to the end of each call, with plain pictures."""
    port = throughput.free_port()
    words = [
        "mock",
        "openai",
        "--port",
        str(port),
        "--clock",
        "jump",
        "--pictures",
        "plain",
        "--max-tasks",
        "100000000",
    ]
    return Server(
        name="imageproof mock, images",
        port=port,
        headers={"Authorization": "Bearer sk-bench-4f1c7a92e05b4d38", "Content-Type": JSON_TYPE},
        submit=f"/openai{IMAGES}",
        body={**IMAGE_BODY},
        command=[sys.executable, "-m", "imageproof", *words],
    )


def stubbed(name: str, command: list[str], port: int) -> Server:
    """A server that has stubs at the paths of the provider."""
    return Server(
        name=name,
        port=port,
        headers={"Authorization": f"Bearer {throughput.KEY}", "Content-Type": JSON_TYPE},
        submit=SUBMIT,
        poll=POLL + "{id}",
        body={**throughput.BODY},
        command=command,
    )


def fal_queue(folder: Path, canned: Canned) -> Server:  # noqa: ARG001  (one shape for all)
    """The queue of aimock for the image models of fal: the only one among them that keeps jobs."""
    needs("node", "@copilotkit/aimock", "package.json")
    server = throughput.aimock(throughput.free_port())
    if server is None:
        raise NotInstalledError("aimock can't be started")
    return server


def held_images(folder: Path, canned: Canned) -> Server:  # noqa: ARG001  (one shape for all)
    """The synchronous images of aimock, with one of our pictures in the answer."""
    needs("node", "@copilotkit/aimock", "package.json")
    port = throughput.free_port()
    return Server(
        name="aimock, images",
        port=port,
        headers={"Authorization": "Bearer sk-bench", "Content-Type": JSON_TYPE},
        submit=IMAGES,
        body={**IMAGE_BODY},
        command=["node", str(MODULES.parent / "aimock_fal.mjs"), str(port), canned.image],
    )


def wiremock(folder: Path, canned: Canned, *, journal: bool) -> Server:
    """WireMock, with a journal as long as ours, or with none."""
    jar = needs("java", "wiremock", "build", "*.jar")
    mappings = folder / "mappings"
    mappings.mkdir()
    for name, method, path, body in (("submit", "POST", SUBMIT, canned.submit), ("poll", "GET", POLL, canned.poll)):
        stub = {
            "request": {"method": method, "urlPath": path + canned.task if name == "poll" else path},
            "response": {"status": 200, "body": body, "headers": {"Content-Type": JSON_TYPE}},
        }
        (mappings / f"{name}.json").write_text(json.dumps(stub))
    port = throughput.free_port()
    words = ["--port", str(port), "--bind-address", "127.0.0.1", "--root-dir", str(folder), "--disable-banner"]
    words += ["--disable-request-logging", "--disable-gzip"]
    words += ["--max-request-journal-entries", str(KEPT)] if journal else ["--no-request-journal"]
    return stubbed("WireMock", ["java", HEAP, "-jar", jar, *words], port)


def prism(folder: Path, canned: Canned) -> Server:  # noqa: ARG001  (it makes its answers up)
    """Prism, which serves the OpenAPI document that we export, and validates requests by it."""
    program = needs("node", "@stoplight/prism-cli", "dist", "index.js")
    document = folder / "openapi.json"
    export = ["spec", "export", "--openapi", "reapi", "--server", "http://127.0.0.1", "-o", str(document)]
    subprocess.run([sys.executable, "-m", "imageproof", *export], check=True, capture_output=True)
    port = throughput.free_port()
    return stubbed("Prism", ["node", program, "mock", "-p", str(port), "-v", "silent", str(document)], port)


def mountebank(folder: Path, canned: Canned, *, keeps: bool) -> Server:
    """The imposter of mountebank. It closes each connection, unless a stub says that it `keeps` them."""
    program = needs("node", "@mbtest/mountebank", "bin", "mb")
    port, admin = throughput.free_port(), throughput.free_port()
    headers = {"Content-Type": JSON_TYPE, **({"Connection": "keep-alive"} if keeps else {})}
    stubs = [
        {
            "predicates": [{"equals": {"method": method, "path": path}}],
            "responses": [{"is": {"headers": headers, "body": body}}],
        }
        for method, path, body in (("POST", SUBMIT, canned.submit), ("GET", POLL + canned.task, canned.poll))
    ]
    file = folder / "imposters.json"
    file.write_text(
        json.dumps({"imposters": [{"port": port, "protocol": "http", "host": "127.0.0.1", "stubs": stubs}]})
    )
    words = ["--configfile", str(file), "--noParse", "--port", str(admin), "--nologfile", "--loglevel", "error"]
    words += ["--pidfile", str(folder / "mb.pid"), "--localOnly"]
    return stubbed("mountebank", ["node", program, "start", *words], port)


def mockserver(folder: Path, canned: Canned) -> Server:
    """MockServer, quiet; it always keeps a log of requests."""
    jar = needs("java", "mockserver-node", "*.jar")
    expectations = [
        {
            "httpRequest": {"method": method, "path": path},
            "httpResponse": {"statusCode": 200, "headers": {"Content-Type": [JSON_TYPE]}, "body": body},
        }
        for method, path, body in (("POST", SUBMIT, canned.submit), ("GET", POLL + canned.task, canned.poll))
    ]
    file = folder / "expectations.json"
    file.write_text(json.dumps(expectations))
    port = throughput.free_port()
    settings = ["-Dmockserver.logLevel=ERROR", "-Dmockserver.disableSystemOut=true"]
    settings += [f"-Dmockserver.maxLogEntries={KEPT}", f"-Dmockserver.initializationJsonPath={file}"]
    # it writes a certificate to where it is started
    return stubbed(
        "MockServer", ["env", "-C", str(folder), "java", HEAP, *settings, "-jar", jar, "-p", str(port)], port
    )


ALL = (
    Peer(name="aimock", what="fal queue, journal of 1,000", make=fal_queue, ours=ours),
    Peer(name="aimock-images", what="synchronous images", make=held_images, ours=ours_held),
    Peer(name="wiremock", what="canned, journal of 10,000", make=partial(wiremock, journal=True), ours=ours),
    Peer(name="wiremock-bare", what="canned, no journal", make=partial(wiremock, journal=False), ours=ours),
    Peer(name="prism", what="validates by our OpenAPI", make=prism, ours=ours),
    Peer(name="mountebank", what="canned, as it comes", make=partial(mountebank, keeps=False), ours=ours),
    Peer(name="mountebank-kept", what="canned, keeps connections", make=partial(mountebank, keeps=True), ours=ours),
    Peer(name="mockserver", what="canned, log of 10,000", make=mockserver, ours=ours),
)
