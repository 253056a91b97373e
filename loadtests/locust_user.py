"""Jobs as users of Locust: a class for its runners, made for one set of options."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from locust import FastHttpUser, task
from PIL import Image

from imageproof.loadtests.client import Wire, new_pool
from imageproof.loadtests.mix import Mix
from imageproof.loadtests.reading import Reader
from imageproof.loadtests.users import Bench
from imageproof.specs.library import load

if TYPE_CHECKING:
    from collections.abc import Callable

    from locust.env import Environment

    from imageproof.loadtests.books import Call
    from imageproof.loadtests.options import Options
    from imageproof.loadtests.pacing import Pacer


def bench_for(options: Options) -> Bench:
    """What the jobs of a process share. Raises SpecError, UnknownSpecError or MixError."""
    Image.init()  # its plug-ins are imported now, and not by several threads at once when the first images come
    spec = load(options.spec)
    mix = Mix(spec, options.mix, seed=options.seed, prompt=options.prompt, in_turn=options.in_turn)
    return Bench(options, mix, Reader(spec), Wire(new_pool(options.network_s), options.network_s))


def user_class(bench: Bench, pacer: Pacer) -> type[FastHttpUser]:
    """The class whose users do what the pacer says."""
    numbers = count()

    class ImageUser(FastHttpUser):
        """A user of an image API. It waits for as long as an image takes, and sends nothing again."""

        network_timeout = bench.options.network_s
        max_retries = 0
        insecure = False

        @task
        def work(self) -> None:
            """Make jobs until the end of the run."""
            pacer.work(next(numbers))
            self.stop()

    return ImageUser


def reporter(environment: Environment, base_url: str) -> Callable[[Call], None]:
    """Tells Locust's own statistics, which its web page and its CSV show, of each call."""

    def told(call: Call) -> None:
        environment.events.request.fire(  # type: ignore[no-untyped-call]  # Locust's own is untyped
            request_type=call.kind.value,
            name=base_url,
            response_time=(call.ended_s - call.began_s) * 1000,
            response_length=call.received,
            exception=None if call.fault is None else RuntimeError(f"{call.fault}: {call.says[:80]}"),
            context={},
        )

    return told
