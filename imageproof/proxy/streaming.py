"""Judge server-sent events that somebody else asked for, and read what answers count."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imageproof.specs.answers_schema import event_schema
from imageproof.specs.contract import Topic
from imageproof.specs.places import read_all
from imageproof.specs.schema import validator
from imageproof.suites.gateway.events import read_events
from imageproof.suites.gateway.reading import read_answer
from imageproof.suites.gateway.verdicts import Fault

if TYPE_CHECKING:
    from imageproof.specs.model import Operation, Spec, Stream
    from imageproof.specs.schema import Judge
    from imageproof.suites.gateway.ambient import Ambient
    from imageproof.suites.gateway.bench import Seen
    from imageproof.suites.gateway.events import Event

SSE = "text/event-stream"
SHOWN = 200


class Streams:
    """Judges the events of one provider."""

    def __init__(self, spec: Spec, ambient: Ambient) -> None:
        self._spec = spec
        self._ambient = ambient
        self._judges: dict[tuple[str, str], Judge] = {}

    def look(self, seen: Seen) -> None:
        """Judge one answer, if it is a stream."""
        operation = seen.operation
        if operation is None or operation.stream is None or seen.content_type != SSE:
            return
        events = read_events(seen.body)
        self._completed(seen, operation, operation.stream, events)
        self._partial(seen, operation, operation.stream, events)

    def _rule(self, operation: Operation, part: str) -> str:
        return f"{self._spec.name}/{Topic.STREAM}/{operation.name}/{part}"

    def _completed(self, seen: Seen, operation: Operation, stream: Stream, events: list[Event]) -> None:
        wanted, rule = stream.completed_event, self._rule(operation, "completed")
        names = [event.name for event in events]
        if "error" in names:
            return  # the job failed, so nothing was completed
        self._ambient.judged(rule, seen.id)
        told = ", ".join(names) or "no events"
        if wanted not in names:
            self._ambient.fault(rule, Fault(expected=f"an event {wanted}", actual=told, bad=seen.id))
        elif stream.partial_event in names[names.index(wanted) :]:
            self._ambient.fault(rule, Fault(expected=f"{wanted} as the last event", actual=told, bad=seen.id))
        self._fields(seen, operation, rule, [event for event in events if event.name == wanted])

    def _partial(self, seen: Seen, operation: Operation, stream: Stream, events: list[Event]) -> None:
        rule = self._rule(operation, "partial")
        partials = [event for event in events if event.name == stream.partial_event]
        known = {stream.partial_event, stream.completed_event}
        odd = next((event.name for event in events if event.name not in known and "partial" in event.name), None)
        if partials or odd:
            self._ambient.judged(rule, seen.id)
        if odd is not None:
            expected = f"partial images as {stream.partial_event}"
            self._ambient.fault(rule, Fault(expected=expected, actual=f"events called {odd}", bad=seen.id))
        indexes = [v for event in partials for v in read_all(event.tree, stream.partial).get("partial.index", [])]
        numbers = [value for value in indexes if isinstance(value, int)]
        if numbers != sorted(set(numbers)):
            expected = "partial images numbered in their order"
            self._ambient.fault(rule, Fault(expected=expected, actual=f"numbers {indexes}", bad=seen.id))
        self._fields(seen, operation, rule, partials)

    def _fields(self, seen: Seen, operation: Operation, rule: str, events: list[Event]) -> None:
        for event in events:
            if event.broken:
                fault = Fault(expected=f"JSON in {event.name}", actual=event.broken, bad=seen.id)
                self._ambient.fault(rule, fault)
                continue
            for error in self._judge(operation, event.name).iter_errors(event.tree):
                at = "/".join(str(part) for part in error.absolute_path) or "the data"
                actual = f"at {at}: {str(error.message)[:SHOWN]}"
                self._ambient.fault(rule, Fault(expected=f"{event.name} as documented", actual=actual, bad=seen.id))

    def _judge(self, operation: Operation, event: str) -> Judge:
        judge = self._judges.get((operation.name, event))
        if judge is None:
            judge = self._judges[operation.name, event] = validator(event_schema(self._spec, operation, event))
        return judge


def usage_of(seen: Seen) -> list[dict[str, int]]:
    """The counts of tokens in an answer, or in each completed event of a stream, by the names of the templates."""
    operation = seen.operation
    if operation is None:
        return []
    stream = operation.stream
    if stream is not None and seen.content_type == SSE:
        done = [event for event in read_events(seen.body) if event.name == stream.completed_event]
        return [_counts(read_all(event.tree, stream.completed)) for event in done]
    return [_counts(read_answer(operation, seen.tree))]


def _counts(values: dict[str, list[object]]) -> dict[str, int]:
    return {
        name: found[0]
        for name, found in values.items()
        if name.startswith("usage.") and found and isinstance(found[0], int) and not isinstance(found[0], bool)
    }
