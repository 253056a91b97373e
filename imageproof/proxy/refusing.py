"""Judge refusals that nobody planned: which documented one is it, was it due, and is it as documented."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from imageproof.specs import kinds as k
from imageproof.specs.contract import Topic
from imageproof.specs.template import PLACEHOLDER
from imageproof.suites.gateway.acceptance import rule_of_value, unrelated
from imageproof.suites.gateway.reading import read_error
from imageproof.suites.gateway.refusals import Aspect, Difference, answer_to, differences
from imageproof.suites.gateway.verdicts import Fault

if TYPE_CHECKING:
    from imageproof.proxy.asking import Asked
    from imageproof.specs.facts import Rule
    from imageproof.specs.model import ErrorAnswer, Field, Spec
    from imageproof.suites.gateway.ambient import Ambient
    from imageproof.suites.gateway.bench import Seen

TELLING = 8  # characters that a message must have of its own to tell one refusal from another
ALIKE = 2  # of status, code and message that must agree before an answer is taken for a documented one
BAD_REQUEST, SERVER_ERROR = 400, 500
NOT_OF_THE_REQUEST = frozenset({401, 402, 403, 404, 405, 407, 408, 429})
FACTS = {Aspect.STATUS: "status", Aspect.CODE: "code", Aspect.TYPE: "type", Aspect.HEADER: "headers"}
QUOTED = re.compile(r"[\"'`]([A-Za-z_][\w.]*)[\"'`]")


class Refusals:
    """Judges what is refused, and what is not although it should be."""

    def __init__(self, spec: Spec, ambient: Ambient) -> None:
        self._spec = spec
        self._ambient = ambient
        self._known = {rule.id for rule in spec.rules}
        self._answers = list({answer.name: answer for answer in spec.errors.values() if answer.emitted}.values())
        self._messages = {answer.name: _pattern(answer.message) for answer in self._answers}

    def look(self, seen: Seen, asked: Asked) -> None:
        """Judge the answer to one request."""
        named = self._documented(seen) if not seen.is_good else None
        if asked.violations:
            self._broken_rules(seen, asked, named)
        elif asked.shape is not None and not seen.is_good and asked.broken is None:
            self._kept_rules(seen, asked, named)

    # which refusal it is

    def _documented(self, seen: Seen) -> ErrorAnswer | None:
        """The documented refusal that an answer is, judged by its own rules; None when that can't be told."""
        wrong = {answer.name: differences(self._spec, seen.operation, answer, seen) for answer in self._answers}
        fitting = [answer for answer in self._answers if not wrong[answer.name]]
        if len(fitting) > 1:
            fitting = [answer for answer in fitting if self._likeness(seen, answer)[2]] or fitting
        if fitting:
            if len(fitting) == 1:
                self._judge(seen, fitting[0], [])
            return fitting[0]
        ranked = [(sum(self._likeness(seen, answer)), answer) for answer in self._answers]
        best = max((score for score, _ in ranked), default=0)
        nearest = [answer for score, answer in ranked if score == best]
        if best >= ALIKE and len(nearest) == 1:
            self._judge(seen, nearest[0], wrong[nearest[0].name])
            return nearest[0]
        return None

    def _likeness(self, seen: Seen, answer: ErrorAnswer) -> tuple[bool, bool, bool]:
        said = read_error(self._spec, seen.operation, answer, seen.tree)
        pattern = self._messages[answer.name]
        return (
            seen.status == answer.status,
            answer.code is not None and said.code == answer.code,
            pattern is not None and isinstance(said.message, str) and pattern.fullmatch(said.message) is not None,
        )

    def _judge(self, seen: Seen, answer: ErrorAnswer, wrong: list[Difference]) -> None:
        """Count the rules of an error answer, and put each difference under the one that speaks of it."""
        whole = f"{self._spec.name}/{Topic.ERRORS}/{answer.name}"
        for rule in (whole, *(f"{whole}/{fact}" for fact in FACTS.values())):
            if rule in self._known:
                self._ambient.judged(rule, seen.id)
        for item in wrong:
            own = f"{whole}/{FACTS.get(item.aspect, '')}"
            rule = own if own in self._known else whole
            self._ambient.fault(rule, Fault(expected=item.expected, actual=item.actual, bad=seen.id))

    # requests that break rules

    def _broken_rules(self, seen: Seen, asked: Asked, named: ErrorAnswer | None) -> None:
        for violation in asked.violations:
            rule = violation.rule
            if seen.is_good:
                self._ambient.judged(rule.id, seen.id)
                answer = answer_to(self._spec, asked.model, rule)
                expected = f"{answer.name}: status {answer.status}, as {rule.sentence}"
                actual = f"{violation.where} = {_shown(violation.got)}: accepted with status {seen.status}"
                self._ambient.fault(rule.id, Fault(expected=expected, actual=actual, bad=seen.id))
            elif len(asked.violations) == 1:
                self._right_reason(seen, asked, rule, named)

    def _right_reason(self, seen: Seen, asked: Asked, rule: Rule, named: ErrorAnswer | None) -> None:
        """Judge the refusal of a request that breaks one rule: it may be refused for another reason altogether."""
        answer = answer_to(self._spec, asked.model, rule)
        wrong = differences(self._spec, seen.operation, answer, seen, field=rule.field)
        if not wrong:
            self._ambient.judged(rule.id, seen.id)
            return
        is_other = seen.status in NOT_OF_THE_REQUEST or seen.status >= SERVER_ERROR
        if is_other or unrelated(self._spec, seen) is not None or (named is not None and named.name == answer.name):
            return
        if named is None or named.name not in self._of_requests(asked):
            return
        self._ambient.judged(rule.id, seen.id)
        actual = f"{named.name}: " + "; ".join(item.actual for item in wrong)
        self._ambient.fault(rule.id, Fault(expected=wrong[0].expected, actual=actual, bad=seen.id))

    def _of_requests(self, asked: Asked) -> set[str]:
        """The names of the error answers that rules about requests get."""
        rules = (*self._spec.selector.rules, *(asked.shape.rules if asked.shape else ()))
        return {answer_to(self._spec, asked.model, rule).name for rule in rules}

    # requests that break none

    def _kept_rules(self, seen: Seen, asked: Asked, named: ErrorAnswer | None) -> None:
        """A request that keeps all rules is refused: a fault where the refusal names the field it is about."""
        shape = asked.shape
        if shape is None or named is None or named.name not in self._of_requests(asked) or self._is_vague(named):
            return
        said = read_error(self._spec, seen.operation, named, seen.tree)
        told = [said.param] if isinstance(said.param, str) else QUOTED.findall(str(said.message))
        fields = {str(name).partition("[")[0] for name in told} & set(shape.fields) & set(asked.body)
        if len(fields) != 1:
            return
        name = fields.pop()
        item, value = shape.fields[name], asked.body[name]
        if not _can_be_judged(item) or name == self._spec.selector.field:
            return
        rule = rule_of_value(self._spec, shape, item, value)
        self._ambient.judged(rule, seen.id)
        expected = f"{name} = {_shown(value)} is accepted"
        actual = f"refused with status {seen.status}, {said}"
        self._ambient.fault(rule, Fault(expected=expected, actual=actual, bad=seen.id))

    def _is_vague(self, answer: ErrorAnswer) -> bool:
        """Whether other refusals, such as a moderator's, look just the same."""
        same = [item for item in self._answers if (item.status, item.code) == (answer.status, answer.code)]
        return any(item.name.startswith(("moderated", "insufficient")) for item in same)


def _can_be_judged(item: Field) -> bool:
    """Whether a value is right by what it says alone: what stands behind a URL or in a file nobody sees here."""
    return any(isinstance(rule.kind, k.OneOf | k.Range | k.Type) for rule in item.rules) and not any(
        isinstance(rule.kind, k.Url) or item.type in ("file", "files", "object") for rule in item.rules
    )


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}..."  # noqa: PLR2004  (characters of one line)


def _pattern(message: str) -> re.Pattern[str] | None:
    """What finds a documented message with its blanks filled in; None for one that says too little."""
    if len(PLACEHOLDER.sub("", message)) < TELLING:
        return None
    parts, at = [], 0
    for blank in PLACEHOLDER.finditer(message):
        parts.append(re.escape(message[at : blank.start()]))
        parts.append(re.escape(blank[0][0]) if blank[0] in ("{{", "}}") else ".*?")
        at = blank.end()
    return re.compile("".join((*parts, re.escape(message[at:]))), re.DOTALL)
