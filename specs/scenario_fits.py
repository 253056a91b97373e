"""Whether a scenario makes sense for a provider, and if not, why not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imageproof.specs.facts import How
from imageproof.specs.fault_answers import ErrorAnswer, FieldChange
from imageproof.specs.fault_tasks import BrokenWebhook, ErrorInSuccess, Fails, GoesBack, ShortLived, Stuck
from imageproof.specs.model import Does, Phase
from imageproof.specs.places import places, templates_of
from imageproof.specs.scenario import Needs
from imageproof.specs.scenario_orders import why_no_order

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from imageproof.specs.faults import Fault
    from imageproof.specs.model import JsonTree, Operation, Spec
    from imageproof.specs.scenario import Scenario

ANY = "any"
EVERYWHERE = ("any", "submit", "download")  # places that every provider has


def _has_stated_limits(spec: Spec) -> bool:
    """Whether a page gives a rate limit: an assumed one is nobody's promise."""
    return any(rule.source.how is not How.ASSUMED for rule in spec.rules if rule.id.startswith(f"{spec.name}/limits/"))


HAS: dict[Needs, tuple[Callable[[Spec], bool], str]] = {
    Needs.TASKS: (lambda spec: spec.tasks is not None, "it has no tasks: it answers at once"),
    Needs.SYNC: (
        lambda spec: spec.operation_for(Does.GENERATE) is not None,
        "it makes tasks: it does not answer at once",
    ),
    Needs.STREAM: (lambda spec: any(item.stream for item in spec.operations.values()), "it sends no streams"),
    Needs.EDIT: (lambda spec: spec.operation_for(Does.EDIT) is not None, "it has no edits"),
    Needs.URLS: (lambda spec: spec.results is not None, "its results are not fetched from URLs"),
    Needs.WEBHOOKS: (lambda spec: spec.webhooks is not None, "it calls nobody back"),
    Needs.LIMITS: (_has_stated_limits, "no page gives its rate limits"),
    Needs.MODERATION: (lambda spec: "moderated_input" in spec.errors, "it documents no refusal by moderation"),
    Needs.RESULT: (lambda spec: spec.operation_for(Does.RESULT) is not None, "results come with the last poll"),
    Needs.FAILURES: (lambda spec: bool(spec.tasks and spec.tasks.failures), "it documents no failures of tasks"),
}


def fits(spec: Spec, scenario: Scenario) -> str | None:
    """Why a scenario makes no sense for a provider, as part of a sentence; None when it does."""
    if scenario.only and spec.provider not in scenario.only and spec.name not in scenario.only:
        return f"it is about {', '.join(scenario.only)}"
    for need in sorted(scenario.needs):
        has, lacks = HAS.get(need, (None, ""))
        if has is not None and not has(spec):
            return lacks
    for fault in scenario.faults:
        reason = _lacks(spec, fault)
        if reason is not None:
            return reason
    return why_no_order(spec, scenario)


def _lacks(spec: Spec, fault: Fault) -> str | None:
    """What a provider lacks for a fault."""
    what = fault.what
    if isinstance(what, ErrorAnswer | ErrorInSuccess) and what.name not in spec.errors:
        return f"it documents no error answer {what.name}"
    if isinstance(what, Fails) and what.name != ANY and not _knows_failure(spec, what.name):
        return f"it documents no failure {what.name}"
    if isinstance(what, BrokenWebhook) and spec.webhooks is None:
        return "it calls nobody back"
    if isinstance(what, ShortLived) and not _tells_lifetime(spec):
        return "its answers do not tell until when a result can be fetched"
    waits = spec.tasks is not None and Phase.QUEUED in spec.tasks.states
    if (isinstance(what, GoesBack) or what == Stuck("waiting")) and not waits:
        return "its tasks have no state in which they wait"
    if fault.on not in {*(operation.does.value for operation in spec.operations.values()), *EVERYWHERE}:
        return f"it has no operation for {fault.on}"
    if isinstance(what, FieldChange) and not any(
        _has_field(operation, what.path) for operation in _struck(spec, fault)
    ):
        return f"its answers have no field {what.path}"
    return None


def _tells_lifetime(spec: Spec) -> bool:
    """Whether a client can know when a result is gone, other than from the documents."""
    templates = (template for operation in spec.operations.values() for template in templates_of(operation).values())
    return any(place.name == "task.expires" for template in templates for place in places(template.tree))


def _struck(spec: Spec, fault: Fault) -> list[Operation]:
    """The operations that a fault may strike; what is meant for the submit is meant for every way to order images."""
    meant = {Does.SUBMIT, Does.GENERATE, Does.EDIT} if fault.on == "submit" else {fault.on}
    return [item for item in spec.operations.values() if fault.on == "any" or item.does in meant]


def _has_field(operation: Operation, path: str) -> bool:
    parts = [part for part in path.split(".") if not part.isdigit()]
    return any(_leads(template.tree, parts) for template in templates_of(operation).values())


def _leads(tree: JsonTree, parts: Sequence[str]) -> bool:
    """Whether a path leads somewhere in a template; a directive stands for what is below it."""
    if not parts:
        return True
    if isinstance(tree, list):
        return any(_leads(item, parts) for item in tree)
    if not isinstance(tree, dict):
        return False
    if any(key.startswith("$") for key in tree):
        return any(_leads(item, parts) for key, item in tree.items() if key != "$switch")
    return any(_leads(item, parts[1:]) for key, item in tree.items() if key.removesuffix("?") == parts[0])


def _knows_failure(spec: Spec, name: str) -> bool:
    return name in spec.tasks.failures if spec.tasks else name in spec.errors
