"""One account of a mock as a test uses it: it is set up, its clock is moved, and it tells what a client has done."""

from __future__ import annotations

from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING

from imageproof.testing.breaches import DOWNLOAD, breaches_of, without
from imageproof.testing.calls import Call, call_of
from imageproof.testing.table import bodies, breaches_told, table

if TYPE_CHECKING:
    from imageproof.mock import MockAccount
    from imageproof.mock_server.service import Service
    from imageproof.mock_server.strays import Stray
    from imageproof.specs.model import JsonTree, Spec
    from imageproof.testing.breaches import Breach

MICRO = 1_000_000
EVERYTHING = "*"


class ImageproofMock:
    """A provider with one customer: the client under test.

    Made by the fixture `imageproof_mock`; outside of pytest from any account, `ImageproofMock(mock.account("reapi"))`,
    whose other powers are those of `account`.
    """

    def __init__(self, account: MockAccount) -> None:
        self.account = account
        self.allowed: list[str] = []
        self._opened = monotonic()
        self._opened_at = self.now()
        self._judged: set[tuple[float, str, str]] = set()

    def __repr__(self) -> str:
        """Give the provider; never the key, as this is shown where tests fail."""
        return f"ImageproofMock({self.provider!r})"

    # where a client is pointed at

    @property
    def provider(self) -> str:
        """The name of the provider that is played."""
        return self.account.provider

    @property
    def base_url(self) -> str:
        """Where a client is to be pointed at, without a slash at the end."""
        return self.account.base_url

    @property
    def key(self) -> str:
        """The API key of this test."""
        return self.account.key

    @property
    def headers(self) -> dict[str, str]:
        """The header that carries the key."""
        auth = self.spec.auth
        return {auth.header: f"{auth.scheme} {self.key}".strip()}

    @property
    def spec(self) -> Spec:
        """The contract of the provider."""
        return self._service.spec

    @property
    def _service(self) -> Service:
        return self.account.mock.handler.services[self.provider]

    def env(self) -> dict[str, str]:
        """Environment variables for a program: base URL, key and provider.

        Those of the OpenAI SDK are among them where the provider has the paths that it calls.
        """
        found = {
            "IMAGEPROOF_BASE_URL": self.base_url,
            "IMAGEPROOF_API_KEY": self.key,
            "IMAGEPROOF_PROVIDER": self.provider,
        }
        from imageproof.suites.client.protocol import openai_base_url  # noqa: PLC0415  (heavy, and seldom needed)

        root = openai_base_url(self.spec, self.base_url)
        return {**found, "OPENAI_BASE_URL": root, "OPENAI_API_KEY": self.key} if root else found

    # what happens to it

    def set(self, **settings: JsonTree) -> None:
        """Set `balance_usd`, `balance_credits`, `limits`, `faults`, `clock` or `webhook`.

        Raises ValueError for nonsense.
        """
        self.account.set(**settings)

    def scenario(self, scenario: str) -> None:
        """Play a scenario from now on: the name of one, or words of test cards such as `status: 502 x2; slow: 90s`.

        Raises ValueError for one that is not understood, or that this provider can't play.
        """
        self.account.set(scenario=scenario)

    def fault(self, fault: str | dict[str, JsonTree]) -> None:
        """Let something go wrong from now on, besides what does already: `{"status": 502, "on": "poll", "times": 2}`.

        Raises ValueError for a fault that is not understood, or that this provider can't have.
        """
        self.account.fault(fault)

    def advance(self, step: str | float) -> None:
        """Move the clock on: `"95s"`, `"3m"` or seconds. A client that can be given a sleep can be given this."""
        self.account.advance(step)

    def advance_to_next(self) -> None:
        """Move the clock to the next thing that happens."""
        self.account.advance_to_next()

    def now(self) -> float:
        """The provider's time in seconds since 1970. A client that can be given a clock can be given this."""
        clock = self.account.describe()["clock"]
        now = clock["now"] if isinstance(clock, dict) else None
        if not isinstance(now, float):
            raise TypeError(f"expected the time of the account to be a number, got {now!r}")
        return now

    # what it has seen

    def calls(self, operation: str | None = None) -> list[Call]:
        """The requests that have arrived, oldest first: all of them, or those of one operation, or of `download`.

        Raises ValueError for an operation that the provider does not have, LookupError when the journal is full.
        """
        known = (*self.spec.operations, DOWNLOAD)
        if operation is not None and operation not in known:
            from imageproof.specs.problems import nearest  # noqa: PLC0415  (only for those who erred)

            near = nearest(operation, known)
            hint = f"did you mean {near!r}?" if near else f"it has {', '.join(known)}"
            raise ValueError(f"{self.provider} has no operation {operation!r}: {hint}")
        calls = self._all_calls()
        return calls if operation is None else [call for call in calls if call.operation == operation]

    def _all_calls(self) -> list[Call]:
        known = [call_of(entry, self._opened_at) for entry in self.account.journal()]
        if known and known[0].number != 1:
            limit = len(known)
            raise LookupError(f"the journal keeps {limit} requests, and the client under test has sent more")
        handler = self.account.mock.handler
        strays = self.account.mock.run(lambda: handler.strays.since(self._opened, self.provider, self.key))
        if not strays:
            return known
        both = sorted([*known, *(self._stray(stray) for stray in strays)], key=lambda call: call.began)
        at = 0.0
        out: list[Call] = []
        for number, call in enumerate(both, start=1):
            at = call.at if call.operation else at
            out.append(replace(call, number=number, at=at))
        return out

    def _stray(self, stray: Stray) -> Call:
        return Call(
            number=0,
            operation="",
            method=stray.method,
            path=stray.path.replace(self.key, "[redacted]"),
            status=stray.status,
            at=0.0,
            began=stray.began,
            ended=stray.began,
            headers={},
            answer_headers={},
            note=stray.reason,
        )

    def tasks(self) -> list[dict[str, JsonTree]]:
        """The tasks of this test with their whole plans, which a client never sees."""
        return self.account.tasks()

    @property
    def balance_usd(self) -> float:
        """What is left, in dollars."""
        return self._ledger()[0] / MICRO

    @property
    def spent_usd(self) -> float:
        """What has been charged and not been given back, in dollars."""
        return self._ledger()[1] / MICRO

    def _ledger(self) -> tuple[int, int]:
        """Balance and money spent, in micro-dollars."""
        key, provider, handler = self.key, self.provider, self.account.mock.handler

        def read() -> tuple[int, int]:
            account = handler.upstream.account(provider, key)
            account.ledger.settle(account.clock.now())
            return account.ledger.balance, account.ledger.spent

        return self.account.mock.run(read)

    # what a test says of it

    def assert_called(self, operation: str, *, times: int | None = None) -> list[Call]:
        """Require that an operation was called: so many times, or at least once. Gives these calls."""
        __tracebackhide__ = True
        found = self.calls(operation)
        if (not found) if times is None else len(found) != times:
            wanted = "at least once" if times is None else _times(times)
            self._fail(f"expected {operation} to be called {wanted}, got {_times(len(found))}")
        return found

    def assert_not_called(self, operation: str) -> None:
        """Require that an operation was never called."""
        __tracebackhide__ = True
        self.assert_called(operation, times=0)

    def assert_polled_as_advised(self) -> None:
        """Require that tasks were polled as the documents advise, and not after their end.

        Raises ValueError where there is no advice, no poll, or a clock that each poll moves.
        """
        __tracebackhide__ = True
        from imageproof.testing.polling import ill_advised  # noqa: PLC0415  (the judges are heavy)

        found = ill_advised(self.account, self.spec, self._opened)
        if found:
            self._fail("\n".join(["the client does not poll as advised", *(f"  {line}" for line in found)]))

    def assert_billed(self, *, micro_usd: int | None = None, usd: float | None = None) -> None:
        """Require that exactly so much was spent: charged, and not given back. Raises TypeError without an amount."""
        __tracebackhide__ = True
        if (micro_usd is None) == (usd is None):
            raise TypeError("expected one amount: assert_billed(usd=0.03) or assert_billed(micro_usd=30_000)")
        wanted = micro_usd if micro_usd is not None else round((usd or 0.0) * MICRO)
        spent = self._ledger()[1]
        if spent != wanted:
            self._fail(f"expected {wanted / MICRO:.6f} USD to be billed, got {spent / MICRO:.6f} USD")

    def assert_no_violations(self) -> None:
        """Require that every request so far keeps the contract, whatever has been allowed."""
        __tracebackhide__ = True
        found = self.violations()
        if found:
            self._fail(self._told(found))

    # requests that no rule explains

    def allow_violations(self, *patterns: str) -> None:
        """Let the test pass although requests break rules: all, or those whose id matches (`reapi/submit/**`).

        Besides ids of rules there are `path`, `method`, the names of refused keys (`auth_missing`), and `refused`.
        """
        self.allowed.extend(patterns or [EVERYTHING])

    def violations(self) -> list[Breach]:
        """What is wrong with the requests so far."""
        sentences = {rule.id: rule.sentence for rule in self.spec.rules}
        return breaches_of(self.calls(), sentences)

    def unexplained(self) -> str:
        """What is wrong with the requests since this was last asked, and was not allowed; empty: nothing."""
        every = self.violations()
        found = without([breach for breach in every if _mark(breach) not in self._judged], self.allowed)
        self._judged.update(_mark(breach) for breach in every)
        if not found:
            return ""
        hint = (
            f"  if the test means this: imageproof_mock.allow_violations({found[0].rule!r}), "
            'or violations="allow" in its marker'
        )
        return f"{self._told(found)}\n{hint}"

    # for people

    def story(self) -> str:
        """All requests as a table, and the bodies of the last that were refused."""
        calls = self.calls()
        return "\n".join(part for part in (table(calls), bodies(calls)) if part)

    def close(self) -> None:
        """Forget everything about the account."""
        self.account.reset()

    def _told(self, found: list[Breach]) -> str:
        count = len({breach.call.number for breach in found})
        what = "1 request that the contract of" if count == 1 else f"{count} requests that the contract of"
        return f"the client sent {what} {self.provider} does not allow\n{breaches_told(found)}"

    def _fail(self, says: str) -> None:
        __tracebackhide__ = True
        raise AssertionError(f"{says}\n\n{table(self.calls())}")


def _mark(breach: Breach) -> tuple[float, str, str]:
    """What a breach is told by; the number of a call changes when an earlier one ends late."""
    return breach.call.began, breach.call.path, breach.rule


def _times(number: int) -> str:
    return {0: "never", 1: "once"}.get(number, f"{number} times")
