"""One provider as a service: who asks, what is asked, and the provider's own refusal when it may not be.

The steps of a request (auth, limit, parse, rules, moderation, balance) are run in the order that the spec gives. Each
step is a function of the call that either returns a refusal or leaves what it learned in the call.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from imageproof.mock_server.accounts import Account, Bucket
from imageproof.mock_server.answers import Reply, error_body, violation_context
from imageproof.mock_server.bodies import Bodies
from imageproof.mock_server.call import Call, costly_parts, dotted, stored_fields
from imageproof.mock_server.fate import id_maker, id_pattern, spread
from imageproof.mock_server.faults.setting import resolved
from imageproof.mock_server.record import FORMATS, phase_at
from imageproof.mock_server.results import Gallery
from imageproof.mock_server.triggers import HEADER, NOTHING, TriggerError, in_header, in_prompt
from imageproof.mock_server.trouble import scripted_trouble
from imageproof.mock_server.wire import BodyRefusedError, parse_json
from imageproof.specs.check import Checker, Violation, check_selector
from imageproof.specs.model import MAKES_IMAGES
from imageproof.specs.outcome import Outcomes, effective
from imageproof.specs.template import fill, placeholders

if TYPE_CHECKING:
    from collections.abc import Callable

    from multidict import CIMultiDictProxy

    from imageproof.mock_server.deviations import Deviation
    from imageproof.mock_server.record import Record
    from imageproof.mock_server.upstream import Upstream
    from imageproof.specs.model import ErrorAnswer, Model, Operation, Phase, Shape, Spec
    from imageproof.specs.template import Template

BILLABLE = MAKES_IMAGES


class Service:
    """One spec, compiled. Holds no state of its own but what can be computed again."""

    def __init__(self, spec: Spec, upstream: Upstream) -> None:
        self.spec = spec
        self.upstream = upstream
        self.provider = spec.name
        self.deviation: Deviation | None = None
        self.by_header: dict[str | None, Account] = {}
        self.key_pattern = re.compile(spec.auth.key_pattern)
        self._checkers = {
            (operation, model.name): (Checker(shape, spec.selector), shape, model)
            for model in spec.models.values()
            for operation, shape in model.shapes.items()
        }
        self._outcomes = {model.name: Outcomes(model) for model in spec.models.values()}
        self._selector = spec.selector.field or ""
        self._nested = any(
            "." in name for model in spec.models.values() for shape in model.shapes.values() for name in shape.fields
        )
        self._own = {name: Checker(shape) for name, shape in spec.shapes.items()}
        self.task_pattern = re.compile(id_pattern(spec.tasks.id_template)) if spec.tasks else None
        self.failures = tuple(spec.tasks.failures) if spec.tasks else ()
        self.operations = tuple(spec.operations.values())
        self.models = tuple(spec.models.values())
        steps: dict[str, Callable[[Call], Reply | None]] = {
            "limit": self._limit,
            "parse": self._parse,
            "rules": self._rules,
            "moderation": self._moderation,
            "balance": self._balance,
        }
        self._steps = tuple(steps[name] for name in spec.order if name != "auth")
        upstream.tasks.setdefault(spec.name, {})
        upstream.expiry.register(spec)
        self.stored_fields = stored_fields(spec)
        self.gallery = Gallery(self)
        self.stores_base64 = any(
            "image.base64" in placeholders(template.tree)
            for item in self.operations
            for template in item.answer.by_phase.values()
        )
        self._needs: dict[int, frozenset[str]] = {}
        self.bodies = Bodies()
        self._request_id = id_maker(spec.request_id)

    # who asks

    def authenticate(self, headers: CIMultiDictProxy[str]) -> Account | str:
        """The account of a request, or the name of the refusal."""
        return self.account_with(headers.get(self.spec.auth.header))

    def account_with(self, value: str | None) -> Account | str:
        """The account of what a request gives as its key, or the name of the refusal."""
        account = self.by_header.get(value)
        if account is not None:
            return account
        found = self._new_account(value)
        if type(found) is str and self.deviation is not None and self.deviation.lets_in:
            return self.upstream.account(self.provider, self.spec.auth.key_example)
        return found

    def _new_account(self, value: str | None) -> Account | str:
        if value is None:
            return "auth_missing"
        auth = self.spec.auth
        scheme, _, key = value.partition(" ") if auth.scheme else ("", "", value)
        if scheme.lower() != auth.scheme.lower() or not key:
            return "auth_malformed"
        if self.key_pattern.fullmatch(key) is None:
            return "auth_invalid"
        account = self.upstream.account(self.provider, key)
        if account.script.refused_key is not None:
            return account.script.refused_key
        self.by_header[value] = account
        return account

    def forget(self, account: Account) -> None:
        """Let go of the account, which has been reset."""
        self.by_header = {value: known for value, known in self.by_header.items() if known is not account}

    # refusals

    def request_id(self) -> str:
        """A new request id in the provider's form."""
        upstream = self.upstream
        upstream.requests += 1
        return self._request_id(spread(upstream.requests))

    def answer_named(self, name: str, model: Model | None) -> ErrorAnswer:
        """The error answer of this name for a model; the provider's internal error when it documents none."""
        own = model.errors.get(name, name) if model else name
        errors = self.spec.errors
        return errors.get(own) or errors.get(name) or errors["internal"]

    def refuse(
        self,
        name: str,
        call: Call | None = None,
        *,
        context: dict[str, object] | None = None,
        operation: Operation | None = None,
        message: str | None = None,
        note: str | None = None,
    ) -> Reply:
        """The provider's own refusal of this name."""
        model = call.model if call else None
        answer = self.answer_named(name, model)
        asked_model = call.body.get(self.spec.selector.field or "") if call else None
        request_id = self.request_id()
        full: dict[str, object] = {
            "request_id": request_id,
            "now": int(call.now + call.skew_s) if call else int(self.upstream.started),
            "model": model.name
            if model
            else asked_model
            if isinstance(asked_model, str)
            else self.spec.selector.example,
            **(context or {}),
        }
        retry_after = {"retry_after": 1, "code": answer.code, "type": answer.type, "status": answer.status, **full}
        headers = {key: fill(value, retry_after) for key, value in answer.headers.items()}
        if self.spec.request_id_header:
            headers[self.spec.request_id_header] = request_id
        body = error_body(self.spec, operation or (call.operation if call else None), answer, full, message)
        return Reply(answer.status, body, headers, note=note)

    def refuse_violations(self, call: Call, violations: list[Violation]) -> Reply:
        """Answer the first broken rule; all of them go to the journal."""
        call.rules = tuple(violation.rule.id for violation in violations)
        self.upstream.counts.violations.update(call.rules)
        first = violations[0]
        return self.refuse(
            first.rule.error or "invalid_param", call, context=violation_context(first), message=first.rule.message
        )

    # the steps

    def checked(self, call: Call) -> Reply | None:
        """What the contract says between auth and work: a refusal, or None."""
        if self.bodies.recall(call):
            return self._balance(call)
        for step in self._steps:
            if (refusal := step(call)) is not None:
                return refusal
        return None

    def run_steps(self, call: Call) -> Reply | None:
        """All between auth and work: a refusal, or None when the request may be worked on."""
        return self.checked(call) or self.troubled(call)

    def troubled(self, call: Call) -> Reply | None:
        """The error that a script asks for, for a call that the contract lets pass; None when it asks for none."""
        if call.known is not None:  # so there is no script
            call.attempt = call.account.attempt(call.job)
            return None
        trouble = scripted_trouble(self, call)
        self.bodies.note(call)
        return trouble

    def _limit(self, call: Call) -> Reply | None:
        account = call.account
        if not account.limited:
            return None
        name = call.operation.does.value
        limit = self.spec.limits.get(name)
        if limit is None:
            return None
        bucket = account.buckets.get(name)
        if bucket is None:
            bucket = account.buckets[name] = Bucket(float(limit.burst), call.now)
        wait = bucket.take(call.now, limit.per_minute, limit.burst)
        context = {
            "limit.per_minute": limit.per_minute,
            "limit.remaining": int(bucket.tokens),
            "limit.bucket": name,
            "limit.reset": int(call.now + call.skew_s + (limit.burst - bucket.tokens) * 60 / limit.per_minute),
            "retry_after": max(1, -int(-wait // 1)),
        }
        call.limit_headers = {key: fill(value, context) for key, value in limit.headers.items()}
        return self.refuse("rate_limited", call, context=context) if wait else None

    def _parse(self, call: Call) -> Reply | None:
        if call.operation.content != "json":
            return None
        try:
            call.body = parse_json(call.raw, call.headers.get("Content-Type", ""))
        except BodyRefusedError as refused:
            return self.refuse(refused.answer, call, context={"reason": refused.reason}, note=refused.reason)
        return None

    def _rules(self, call: Call) -> Reply | None:
        operation = call.operation
        if operation.does not in BILLABLE:
            own = self._own.get(operation.name)
            violations = own.check(call.body) if own else []
            return self.refuse_violations(call, violations) if violations else None
        model_name = call.endpoint.model
        if model_name is None:
            named = call.body.get(self._selector, self.spec.selector.default)
            if type(named) is not str or named not in self.spec.models:
                violations = check_selector(self.spec.selector, call.body)
                if violations:
                    return self.refuse_violations(call, violations)
            model_name = str(named)
        found = self._checkers.get((operation.name, model_name))
        if found is None:
            reason = f"the model {model_name} has no {operation.name}"
            context: dict[str, object] = {"field": "model", "value": model_name, "reason": reason}
            return self.refuse("invalid_param", call, context=context, note=reason)
        checker, call.shape, call.model = found
        violations = checker.check(call.body)
        return (
            self.refuse_violations(call, violations) if violations else self._understand(call, call.shape, call.model)
        )

    def _understand(self, call: Call, shape: Shape, model: Model) -> Reply | None:
        """Read what a valid request asks for, and its triggers."""
        call.asked = effective(shape, dotted(call.body) if self._nested else call.body)
        prompt = call.asked.get(model.images.prompt)
        call.prompt = prompt if type(prompt) is str else ""
        stream = call.operation.stream
        partials = call.asked.get(stream.partials) if stream and call.asked.get(stream.switch) is True else 0
        call.outcome = self._outcomes[model.name].of(
            call.asked, prompt=call.prompt, partials=int(partials) if isinstance(partials, int) else 0
        )
        return self._read_script(call)

    def _read_script(self, call: Call) -> Reply | None:
        try:
            in_words = in_prompt(call.prompt)
            value = call.headers.get(HEADER)
            script = resolved(self, in_words if value is None else in_header(value).over(in_words))
        except TriggerError as error:
            return self.refuse(
                "invalid_param",
                call,
                context={"field": "prompt", "reason": str(error)},
                message=f"imageproof: {error}",
                note=str(error),
            )
        own = call.account.script
        call.script = script if own is NOTHING else script.over(own) if script is not NOTHING else own
        return None

    def _moderation(self, call: Call) -> Reply | None:
        asked = call.script.moderated
        if asked is None or "moderated_input" not in self.spec.errors or asked == "output":
            return None
        return self.refuse("moderated_input", call)

    def _balance(self, call: Call) -> Reply | None:
        outcome = call.outcome
        if outcome is None:
            return None
        ledger = call.account.ledger
        ledger.settle(call.now)
        cost = outcome.micro_usd or 0
        if ledger.balance >= cost and not (call.script.nocredit and ledger.balance <= 0):
            return None
        return self.refuse("insufficient_funds", call)

    # what answers are made of

    def needs(self, template: Template) -> frozenset[str]:
        """Which costly parts of a context a template reads: `images`, `request`, or only `more` than the plain ones."""
        known = self._needs.get(id(template))
        if known is None:
            known = self._needs[id(template)] = costly_parts(template)
        return known

    def image_url(self, call: Call, task_id: str, record: Record, index: int) -> str:
        """Where an image of a task is fetched: at the mock, under the name by which the client reached it."""
        return self.gallery.url(f"{call.host}{call.endpoint.prefix}", task_id, record, index)

    def base64_of(self, task_id: str, record: Record, index: int) -> str:
        """The base64 text of an image that has been prepared."""
        return self.gallery.base64(task_id, record, index)

    def phase(self, record: Record, now: float) -> Phase:
        """The state of a task."""
        return phase_at(record, now)

    def format_of(self, record: Record) -> str:
        """The image format of a task."""
        return FORMATS[record.format]

    def form_shape(self, operation: Operation, texts: list[tuple[str, str]]) -> Shape | None:
        """The shape that a form is to be read by: that of the model it names, else of any model of the operation."""
        own = self.spec.shapes.get(operation.name)
        if own is not None:
            return own
        named = dict(texts).get(self.spec.selector.field or "", self.spec.selector.default)
        found = self._checkers.get((operation.name, str(named)))
        if found is None:
            found = next((known for (name, _), known in self._checkers.items() if name == operation.name), None)
        return found[1] if found else None

    def common_headers(self, call: Call) -> dict[str, str]:
        """The headers of every answer."""
        headers: dict[str, str] = {**call.operation.answer.headers} if call.operation.answer.headers else {}
        if self.spec.request_id_header:
            headers[self.spec.request_id_header] = self.request_id()
        if call.limit_headers:
            headers |= call.limit_headers
        return headers
