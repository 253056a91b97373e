"""The main job in a minute: a mock of every provider, an image of each, gateways and clients verified, a load run.

Run it with `make demo`. Images and the report are written to `imageproof-demo/`; the mocks end with the program.
"""

from __future__ import annotations

import base64
import io
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random

import httpx2 as httpx
import openai
from PIL import Image

from imageproof import Mock, MockAccount
from imageproof.specs.breaking import is_breakable_alone
from imageproof.specs.choices import Seeded
from imageproof.specs.facts import Level, Rule
from imageproof.specs.generate import Maker, UnbreakableError
from imageproof.specs.library import load, shipped
from imageproof.specs.model import Does, Shape, Spec

OUT = Path("imageproof-demo")
MANY_POLLS = 10
VERIFIED = "reapi"
LIE = "reapi/submit/gpt-image-2/4k-needs-wide-size!accepts"
CLIENT = Path(__file__).parent / "clients" / "poll_sync.py"
HASTY = Path(__file__).parent / "clients" / "hasty.py"
RATE, LOAD_S = 20, 4  # jobs a second, and for how long


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One line of the table."""

    provider: str
    client: str
    size: str
    format: str
    file: Path
    refused: str


def submit_and_poll(spec: Spec, account: MockAccount, body: dict[str, object]) -> bytes:
    """Do as the documents say: submit, keep the id, poll until there is a result, fetch it."""
    submit, poll = spec.operation_for(Does.SUBMIT), spec.operation_for(Does.POLL)
    if submit is None or poll is None:
        message = f"{spec.name} has no tasks"
        raise ValueError(message)
    with httpx.Client(base_url=account.base_url, headers=account.headers, timeout=30) as client:
        answer = client.request(submit.method, submit.path, json=body).raise_for_status()
        task_id = account.tasks()[-1]["id"]
        if str(task_id) not in answer.text:
            message = f"{spec.name} answered a submit without the id of the task: {answer.text}"
            raise ValueError(message)
        for _ in range(MANY_POLLS):
            text = client.request(poll.method, poll.path.replace("{task_id}", str(task_id))).raise_for_status().text
            urls = re.findall(r"http://[^\"\\]+", text)
            if urls:
                return client.get(urls[0]).raise_for_status().content
    message = f"{spec.name} gave no result in {MANY_POLLS} polls"
    raise ValueError(message)


def with_sdk(spec: Spec, account: MockAccount, body: dict[str, object]) -> bytes:
    """Use the official OpenAI SDK as it is; only its base URL points at the mock."""
    with openai.OpenAI(base_url=f"{account.base_url}/v1", api_key=account.key) as client:
        answer = client.images.generate(model=spec.selector.example, prompt=str(body["prompt"]))
    data = answer.data[0].b64_json if answer.data else None
    return base64.b64decode(data or "")


def refusal(spec: Spec, account: MockAccount, shape: Shape) -> str:
    """Break one documented rule of a request on purpose and show the provider's own answer."""
    operation = spec.operations[shape.operation]
    rule, body = broken(spec, shape)
    with httpx.Client(base_url=account.base_url, headers=account.headers, timeout=30) as client:
        answer = client.request(operation.method, operation.path, json=body)
    verdict = "refused" if answer.is_client_error else "NOT REFUSED"
    return f"{verdict} {answer.status_code}: {rule.field} {' '.join(answer.text.split())[:70]}"


def broken(spec: Spec, shape: Shape) -> tuple[Rule, dict[str, object]]:
    """The last MUST rule of a shape that a request can break alone, and such a request."""
    maker = Maker(shape, spec.selector)
    for rule in reversed(shape.rules):
        if rule.level is Level.MUST and rule.field and is_breakable_alone(rule, shape):
            try:
                return rule, maker.breaking(rule, Seeded(Random(1)))
            except UnbreakableError:
                continue
    message = f"{spec.name} has no rule that a request could break"
    raise ValueError(message)


def show(mock: Mock, name: str) -> Shown:
    """One job and one refusal at one provider."""
    spec = load(name)
    account = mock.account(spec.name)
    model = spec.models[spec.selector.example]
    shape = next(shape for shape in model.shapes.values() if spec.operations[shape.operation].content == "json")
    body = {**Maker(shape, spec.selector).least(), "prompt": f"a red fox in the snow, as {spec.title} sees it"}
    by_task = spec.tasks is not None
    data = submit_and_poll(spec, account, body) if by_task else with_sdk(spec, account, body)
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        size, kind = f"{image.width}x{image.height}", (image.format or "?").lower()
    file = OUT / f"{name}.{kind}"
    file.write_bytes(data)
    client = "submit, poll, fetch" if by_task else "openai SDK"
    return Shown(provider=name, client=client, size=size, format=kind, file=file, refused=refusal(spec, account, shape))


def main() -> int:
    """Run the demo; 0 when every provider gave an image and refused the broken request."""
    began = time.monotonic()
    OUT.mkdir(exist_ok=True)
    with Mock(clock="jump") as mock:
        sys.stdout.write(f"mock upstream of {', '.join(shipped())} at {mock.url}, time jumps to what is waited for\n\n")
        rows = [show(mock, name) for name in shipped()]
    for row in rows:
        sys.stdout.write(f"{row.provider:<16} {row.client:<20} {row.size:>10} {row.format:<5} {row.file}\n")
        sys.stdout.write(f"{'':<16} {row.refused}\n")
    sys.stdout.write(
        f"\n{len(rows)} images in {OUT.resolve()}, {time.monotonic() - began:.1f} s, nothing paid, mock stopped\n"
    )
    judged = [verify(name, lie) for name, lie in ((VERIFIED, None), (VERIFIED, LIE))]
    watched = [watch(CLIENT, "*submit*"), watch(HASTY, "lost-submit-reset", "plain")]
    as_it_should = all("NOT REFUSED" not in row.refused for row in rows) and judged == [0, 1] and watched == [0, 1]
    return 0 if press() == 0 and as_it_should else 1


def verify(name: str, lie: str | None) -> int:
    """Verify a mock that stands for a gateway, honest or breaking one rule; the exit code of the command."""
    folder = OUT / ("honest" if lie is None else "lying")
    shutil.rmtree(folder, ignore_errors=True)
    says = "an honest gateway" if lie is None else f"a gateway that breaks one rule ({lie.partition('!')[0]})"
    sys.stdout.write(f"\nverify {says}:\n")
    sys.stdout.flush()
    command = [sys.executable, "-m", "imageproof"]
    with Mock(name, clock="jump", sabotage=lie) as mock:
        url = mock.account().base_url
        told = subprocess.run(
            [*command, "verify", "gateway", name, "--base-url", url, "--out", str(folder), "--quiet"], check=False
        )
    write_page(folder)
    return told.returncode


def watch(program: Path, *scenarios: str) -> int:
    """Verify a client in a few scenarios in which its provider misbehaves; the exit code of the command."""
    folder = OUT / f"client-{program.stem}"
    shutil.rmtree(folder, ignore_errors=True)
    sys.stdout.write(f"\nverify a client, {program.name}:\n")
    sys.stdout.flush()
    globs = [word for name in scenarios for word in ("--scenario", name)]
    words = ["verify", "client", VERIFIED, *globs, "--out", str(folder), "--quiet", "--", sys.executable, str(program)]
    told = subprocess.run([sys.executable, "-m", "imageproof", *words], check=False)
    write_page(folder)
    return told.returncode


def press() -> int:
    """Load a mock of its own for some seconds, and judge one goal; the exit code of the command."""
    folder = OUT / "load"
    shutil.rmtree(folder, ignore_errors=True)
    sys.stdout.write(f"\nload a mock with {RATE} jobs a second, for {LOAD_S} s:\n")
    sys.stdout.flush()
    words = ["load", VERIFIED, "--rate", str(RATE), "--duration", f"{LOAD_S}s", "--warm-up", "1s", "--seed", "1"]
    words += ["--goal", "errors<1%", "--out", str(folder), "--quiet"]
    told = subprocess.run([sys.executable, "-m", "imageproof", *words], check=False)
    write_page(folder)
    return told.returncode


def write_page(folder: Path) -> None:
    """Make the page of a run that a person can open."""
    page = folder.with_suffix(".html")
    words = ["report", str(folder), "--html", str(page), "--quiet"]
    subprocess.run([sys.executable, "-m", "imageproof", *words], check=True)
    sys.stdout.write(f"open {page.resolve()}\n")


if __name__ == "__main__":
    sys.exit(main())
