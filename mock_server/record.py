"""A task as bytes.

A million tasks in flight cost memory only: no object that the garbage collector has to visit, no timer.

Laws: a record never changes (a new plan is a new record); the status of a task is a function of its record and the
time.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import TYPE_CHECKING, Literal, NamedTuple

import orjson

from imageproof.specs.model import Phase

if TYPE_CHECKING:
    from imageproof.specs.model import JsonTree

HEAD = struct.Struct("<IBBdddBBHHBBBBqI")
TIMES = struct.Struct("<6xdddB17xI")  # of the head: submitted, queue_s, run_s, moves and job
FORMATS: tuple[Literal["png", "jpeg", "webp"], ...] = ("png", "jpeg", "webp")
NO_COMPRESSION = 255


class Moves(IntEnum):
    """How a task moves on."""

    BY_TIME = 0
    BY_POLLS = 1
    BY_HAND = 2


class Record(NamedTuple):
    """One task. Times are seconds since 1970 or long, money is micro-dollars.

    `failure` 0 means that it succeeds, else it counts the documented failures from 1; `job` is the account's number of
    the submission.
    """

    account: int
    operation: int
    model: int
    submitted: float
    queue_s: float
    run_s: float
    moves: int
    failure: int
    width: int
    height: int
    images: int
    format: int
    compression: int
    flags: int
    micro_usd: int
    job: int
    tail: bytes = b""

    def mould(self) -> Mould:
        """What it has in common with the records of other jobs that are ordered in the same words."""
        return Mould(self[1:3], self[6:15], self.tail)  # as the fields stand: all but account, times and job

    def pack(self) -> bytes:
        """The record as bytes."""
        return HEAD.pack(*self[:-1]) + self.tail

    def extra(self) -> tuple[str, list[str], dict[str, JsonTree]]:
        """The prompt, the references named by URL, and the fields that later answers repeat."""
        prompt, references, asked = orjson.loads(self.tail)
        return prompt, references, asked


class Mould(NamedTuple):
    """What does not change from job to job of one order: what follows the account, what follows the times, the tail."""

    what: tuple[int, ...]
    made: tuple[int, ...]
    tail: bytes

    def record(self, account: int, submitted: float, queue_s: float, run_s: float, job: int) -> Record:
        """The record of one job."""
        return tuple.__new__(Record, (account, *self.what, submitted, queue_s, run_s, *self.made, job, self.tail))


TRANSPARENT, AS_BASE64 = 1, 2


def unpack(packed: bytes) -> Record:
    """The record of these bytes."""
    return Record._make((*HEAD.unpack_from(packed), packed[HEAD.size :]))


def times_in(packed: bytes) -> tuple[float, float, float, int, int]:
    """When a task was submitted, how long it waits and runs, how it moves, and its job: without unpacking the rest."""
    return TIMES.unpack_from(packed)


def owner_of(packed: bytes) -> int:
    """The number of the account, without unpacking the rest."""
    return int.from_bytes(packed[:4], "little")


def pack_tail(prompt: str, references: list[str], asked: dict[str, JsonTree]) -> bytes:
    """The part of a record that has no fixed length."""
    return orjson.dumps([prompt, references, asked])


def phase_at(record: Record, now: float) -> Phase:
    """The state of a task at a time."""
    starts = record.submitted + record.queue_s  # the same sums as elsewhere, so that a task has ended when it ends
    if now < starts:
        return Phase.QUEUED
    if record.moves != Moves.BY_TIME or now < starts + record.run_s:
        return Phase.RUNNING
    return Phase.FAILED if record.failure else Phase.SUCCEEDED


def progress_at(record: Record, now: float) -> int:
    """How much of a task is done, from 0 to 100; 100 only when it has succeeded, and it never falls."""
    if record.moves != Moves.BY_TIME:
        return 0
    starts = record.submitted + record.queue_s
    if now >= starts + record.run_s:
        return 0 if record.failure else 100
    return min(99, int(100 * ((now - starts) / record.run_s))) if now > starts else 0


def completed_at(record: Record) -> float:
    """When a task that moves by time ends."""
    return record.submitted + record.queue_s + record.run_s
