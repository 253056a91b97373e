"""The money of a run, on disk: every billable request is written down before it is sent, and none is sent twice.

A file is one line that says whose money it is, then a line for each reservation and each settlement. What was reserved
and never settled counts in full: the run was killed while the request was out.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import IO, TYPE_CHECKING, Self

from imageproof.suites.ledger_lines import Book, Entry, LedgerError, Reserved, Settled, read_book, written

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

__all__ = ["AlreadySpentError", "BudgetError", "Ledger", "LedgerError", "usd"]

MICRO = 1_000_000
CENTS = 2
LOCKED_BYTE = 1 << 30
"""Which byte is locked where a lock keeps readers out too: one that no ledger reaches."""


class BudgetError(Exception):
    """The next request would cross the limit. The message says what it would cost and what is left."""


class AlreadySpentError(Exception):
    """The request was paid for before; nothing is ever sent twice."""


class Ledger:
    """An open ledger. Amounts are micro-dollars; safe to use from several threads, and closed to other processes."""

    def __init__(self, file: IO[bytes], path: Path, limit_micro_usd: int | None, book: Book) -> None:
        self._file = file
        self._path = path
        self._limit = limit_micro_usd
        self._book = book
        self._failed: str | None = None
        self._lock = threading.Lock()

    @classmethod
    def open(
        cls, path: Path, *, limit_micro_usd: int | None, identity: tuple[str, ...], resume: bool = False
    ) -> Ledger:
        """Open a new ledger, or with `resume` go on with one that may be there.

        `identity` says whose money it is: the spec, the target and the seed. A limit of None is no limit.
        Raises LedgerError for a ledger that is there without `resume`, is another's, is in use, or is broken.
        """
        file = _opened(path, resume=resume)
        try:
            _lock(file, path)
            return cls(file, path, limit_micro_usd, _read(file, path, identity))
        except OSError as error:
            file.close()
            raise LedgerError(f"expected to read and write {path}, got: {error.strerror or error}") from None
        except LedgerError:
            file.close()
            raise

    @property
    def spent_micro_usd(self) -> int:
        """What has been spent, or may have been: what is reserved and not settled counts in full."""
        with self._lock:
            return self._book.spent

    @property
    def reserved_micro_usd(self) -> int:
        """The part of it that is not settled: requests under way, and those a killed run left behind."""
        with self._lock:
            return self._book.reserved

    def has(self, key: str) -> bool:
        """Whether a request was sent before."""
        with self._lock:
            return key in self._book.booked

    def reserve(self, key: str, micro_usd: int, what: str) -> None:
        """Book a request that is about to be sent; it is on the disk when this returns.

        Raises AlreadySpentError, BudgetError and LedgerError (the disk does not take it): then don't send it.
        Raises ValueError for a negative amount.
        """
        _require_amount(micro_usd)
        with self._lock:
            if key in self._book.booked:
                raise AlreadySpentError(f"{what}: was paid for before in this run, and is not sent again")
            spent, limit = self._book.spent, self._limit
            if limit is not None and spent + micro_usd > limit:
                left = usd(max(0, limit - spent))
                raise BudgetError(
                    f"the budget has ended: {what} costs {usd(micro_usd)}, and {left} is left of {usd(limit)}"
                )
            self._write(Reserved(micro_usd, key, what))

    def settle(self, key: str, micro_usd: int, note: str = "") -> None:
        """Book what a reserved request really came to, once: 0 for one that was refused.

        More than was reserved is booked as it is, even above the limit: that money is gone, and nothing else is sent.
        Raises ValueError for a key that is not reserved, or settled before, and for a negative amount; LedgerError
        when the disk does not take it.
        """
        _require_amount(micro_usd)
        with self._lock:
            if key not in self._book.out:
                raise ValueError(f"expected a key that is reserved and not settled, got {key!r}")
            self._write(Settled(micro_usd, key, note))

    def _write(self, line: Entry) -> None:
        """Put a line on the disk, then into the book. After one failure nothing is written any more."""
        if self._failed is None:
            try:
                _append(self._file, written(line))
            except (OSError, ValueError) as error:  # the second for a ledger that was closed
                self._failed = str(error)
        if self._failed is not None:
            raise LedgerError(
                f"expected to book {line.key} in {self._path}, got: {self._failed}; nothing billable is sent from here "
                "on: mend the disk, then go on with --resume"
            )
        self._book.take(line)

    def close(self) -> None:
        """Close the file, and let others have it."""
        with self._lock:
            self._file.close()

    def __enter__(self) -> Self:
        """Give the ledger itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()


def usd(micro_usd: int) -> str:
    """Micro-dollars as dollars, exact, with two decimals or as many as they need: `$0.50`, `$0.000001`."""
    dollars, rest = divmod(micro_usd, MICRO)
    return f"${dollars}.{f'{rest:06d}'.rstrip('0').ljust(CENTS, '0')}"


def _require_amount(micro_usd: int) -> None:
    if micro_usd < 0:
        raise ValueError(f"expected an amount of micro-dollars, got {micro_usd}")


def _opened(path: Path, *, resume: bool) -> IO[bytes]:
    """The file, made exclusively for a new ledger. Raises LedgerError."""
    try:
        return path.open("a+b" if resume else "x+b", buffering=0)
    except FileExistsError:
        raise LedgerError(
            f"expected no ledger at {path} yet, got one: go on with it by --resume, or choose another --out"
        ) from None
    except OSError as error:
        raise LedgerError(f"expected to write a ledger to {path}, got: {error.strerror or error}") from None


def _append(file: IO[bytes], data: bytes) -> None:
    """Write, and wait until it is on the disk. Raises OSError, and ValueError for a closed file."""
    file.seek(0, os.SEEK_END)
    while data:  # a disk that fills up takes a part, and says so by the number only
        data = data[file.write(data) :]
    os.fsync(file.fileno())


def _lock(file: IO[bytes], path: Path) -> None:
    """Keep other processes out until the file is closed. Raises LedgerError when one is in, OSError without locks."""
    try:
        if sys.platform == "win32":
            file.seek(LOCKED_BYTE)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        raise LedgerError(
            f"expected {path} to be free, got a ledger that another run has open: wait for its end"
        ) from None


def _read(file: IO[bytes], path: Path, identity: tuple[str, ...]) -> Book:
    """What is booked, with the end of the file mended. Raises LedgerError, and leaves the file as it is then."""
    file.seek(0)
    data = file.read()
    found = read_book(data, path, identity)
    if found.keep < len(data):
        file.truncate(found.keep)
    if found.append:
        _append(file, found.append)
    if not data:
        _sync_folder(path)
    return found.book


def _sync_folder(path: Path) -> None:
    """Wait until the file's name is on the disk too; Windows does so by itself."""
    if sys.platform != "win32":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
