"""What a process that makes load is told, as one value: it travels as one line of JSON."""

from __future__ import annotations

from typing import Literal

import msgspec

Plain = str | int | float | bool


class Share(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One kind of job in the mix: `weight` of all weights. `model` empty is the usual one; `fields` are its own.

    `words` stand at the end of its prompt, `file_bytes` is the size of each of its files, 0 for small ones.
    """

    weight: float = 1.0
    model: str = ""
    operation: Literal["make", "edit"] = "make"
    references: int = 0
    stream: bool = False
    words: str = ""
    file_bytes: int = 0
    fields: dict[str, Plain] = msgspec.field(default_factory=dict)


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about the load that one process makes; it is number `worker` of `workers`.

    `rate` is jobs a second in all, `users` their number in all: one of both is set. `scale` is how many seconds of the
    provider pass in a real one. `patience_s` is how long a job may take in real seconds, `pixels` of how many images
    the pixels are looked at. `first_mark` is the mark of the first job. No job is begun that would cost more than is
    left of the budget. Jobs go to `against`, where there is one, in turns with `base_url`; `in_turn` are the kinds of
    the mix taken one after the other, instead of by chance. `direct` is the mock behind the target, to which
    `direct_share` as many jobs go past the target, with a key of their own.
    """

    spec: str
    base_url: str
    against: str = ""
    direct: str = ""
    direct_key: str = ""
    direct_share: float = 0.25
    key: str
    seed: int = 1
    mix: tuple[Share, ...] = (Share(),)
    in_turn: bool = False
    rate: float | None = None
    users: int | None = None
    arrivals: Literal["poisson", "constant"] = "poisson"
    shape: str = "flat"
    duration_s: float = 30.0
    warm_up_s: float = 0.0
    scale: float = 1.0
    poll_s: float | None = None
    patience_s: float = 1200.0
    network_s: float = 660.0
    pixels: float = 1.0
    prompt: str = "a red fox in the snow"
    worker: int = 0
    workers: int = 1
    first_mark: int = 0
    budget_micro_usd: int | None = None
