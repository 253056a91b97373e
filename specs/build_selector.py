"""Read how a request names its model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imageproof.specs import kinds as k
from imageproof.specs.build_requests import Place, make_rule, said_of
from imageproof.specs.contract import Topic
from imageproof.specs.model import Numbers, Selector
from imageproof.specs.nodes import Mapping
from imageproof.specs.reading import Reader, child, text_of

if TYPE_CHECKING:
    from imageproof.specs.nodes import Node


def read_selector(reader: Reader, node: Node, models: tuple[str, ...], numbers: Numbers) -> Selector:
    """Read how a request names its model."""
    field_node = child(node, "field")
    default = child(node, "default")
    example = text_of(found) if (found := child(node, "example")) else models[0]
    default_text = text_of(reader.stated(default, None).node) if default else None
    if field_node is None:
        return Selector(field=None, default=default_text, example=example)
    name = text_of(field_node)
    source = reader.source(child(node, "source"), None)
    place = Place(operation="any", model="any", source=source)
    said = reader.stated(Mapping(mark=node.mark, entries={}, key_marks={}), source)
    rules = []
    if (required := child(node, "required")) is not None:
        rules.append(make_rule(reader, place, k.Required(), said_of(reader, required, node, source), field=name))
    rules.append(
        make_rule(reader, place, k.Type(name="string", integral_float=numbers.integral_float), said, field=name)
    )
    among = said_of(reader, child(node, "one_of") or node, node, source)
    rules.append(make_rule(reader, place, k.OneOf(values=models), among, field=name))
    if default is not None:
        words = f"{name} is {default_text} when it is left out"
        reader.state(Topic.DEFAULTS, f"any/any/{name}", words, reader.stated(default, source))
    return Selector(field=name, default=default_text, example=example, rules=tuple(rules))
