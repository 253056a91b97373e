"""A YAML file as a tree that knows where everything was written, and what can be done with such a tree.

Read is only what the core schema of YAML 1.2 and JSON can both say: no tags, no merge keys, one document. Every limit
holds before anything is expanded, so that no file of a stranger can exhaust memory, time or the stack.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import yaml

from imageproof.specs.problems import Mark, Problem, SpecError, did_you_mean
from imageproof.specs.yaml_scalars import Value, resolve
from imageproof.specs.yaml_syntax import TAG_HINT, TAG_REFUSED, check_directives, parse
from imageproof.specs.yaml_text import check_text, load_text

MOST_NODES = 100_000
"""Values in a file, each alias counted as what it stands for."""

DEEPEST = 100
"""Mappings and lists inside one another, aliases expanded."""

MOST_PROBLEMS = 100
"""Mistakes of one file that are told at once; nobody reads more."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value. `mark` is where it begins or, when nothing is written, where it would."""

    mark: Mark
    value: Value


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list. `mark` is that of its bracket or of its first '-'."""

    mark: Mark
    items: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping in the order of the file. Keys are text as it was written: `1024:`, `true:` and `null:` too.

    `mark` is that of its brace or of its first key; `key_marks` has the mark of every key.
    """

    mark: Mark
    entries: "dict[str, Node]"
    key_marks: dict[str, Mark]


Node: TypeAlias = Scalar | Sequence | Mapping


def read_file(path: Path) -> Node:
    """The tree of a YAML file; an empty file is a null.

    Raises `SpecError` with all that is wrong: one problem for a path that can't be read, else each mistake of the file.
    """
    return read_text(load_text(path), file=str(path))


def read_text(text: str, *, file: str) -> Node:
    """The tree of a YAML text; `file` is the name that the marks carry. Raises `SpecError` as `read_file` does."""
    text = text.removeprefix("\ufeff")
    if problems := check_text(text, file) or check_directives(text, file):
        raise SpecError(problems, sources={file: text})
    reader = _Reader(text, file)
    try:
        node = reader.document()
    except SpecError as stopped:
        raise SpecError([*reader.problems, *stopped.problems], sources={file: text}) from stopped
    if reader.problems:
        raise SpecError(reader.problems, sources={file: text})
    return node


def plain(node: Node) -> object:
    """The tree as ordinary Python data: dict, list, str, int, float, bool and None."""
    match node:
        case Scalar(value=value):
            return value
        case Sequence(items=items):
            return [plain(item) for item in items]
        case Mapping(entries=entries):
            return {key: plain(value) for key, value in entries.items()}


def at(node: Node, path: Iterable[str | int]) -> Node:
    """The node at a JSON path: keys of mappings, and indexes of lists from 0. Raises `LookupError` if there is none."""
    for step in path:
        match node, step:
            case Mapping(entries=entries), str() if step in entries:
                node = entries[step]
            case Sequence(items=items), int() if 0 <= step < len(items):
                node = items[step]
            case _:
                raise LookupError(f"there is no {step!r} below {node.mark}")
    return node


def mark_of_key(node: Node, path: Iterable[str | int]) -> Mark:
    """Where the key that ends a JSON path was written; for an item of a list, and for the root, where it begins."""
    *parents, last = ("", *path)
    holder = at(node, parents[1:])
    if isinstance(holder, Mapping) and isinstance(last, str) and parents:
        at(holder, [last])
        return holder.key_marks[last]
    return at(holder, [last] if parents else []).mark


def merge(base: Node, over: Node) -> Node:
    """`base` as changed by `over`, for `extends`.

    Two mappings merge key by key, where a null in `over` removes the key; anything else is replaced by `over` as a
    whole. Every part keeps the mark of where it was written.
    """
    if not (isinstance(base, Mapping) and isinstance(over, Mapping)):
        return over
    entries, key_marks = dict(base.entries), dict(base.key_marks)
    for key, value in over.entries.items():
        if isinstance(value, Scalar) and value.value is None:
            entries.pop(key, None)
            key_marks.pop(key, None)
        else:
            entries[key] = merge(entries[key], value) if key in entries else value
            key_marks[key] = over.key_marks[key]
    return Mapping(over.mark, entries, key_marks)


@dataclass(frozen=True, slots=True)
class _Anchored:
    """What an alias may stand for, with what it costs to expand it."""

    node: Node
    nodes: int
    height: int


class _Reader:
    """Builds the tree of one text from its events, and collects what is wrong on the way."""

    def __init__(self, text: str, file: str) -> None:
        self.problems: list[Problem] = []
        self._file = file
        self._events: Iterator[yaml.Event] = parse(text, file)
        self._anchors: dict[str, _Anchored | None] = {}  # None: still open, so an alias to it would have no end
        self._nodes = 0
        self._deepest = 0

    def document(self) -> Node:
        """The tree of the only document. Raises `SpecError` where reading can't go on."""
        next(self._events)  # the start of the stream
        if not isinstance(next(self._events), yaml.DocumentStartEvent):
            return Scalar(Mark(self._file, 1, 1), None)
        root = self._node(next(self._events), 0)
        next(self._events)  # the end of the document
        after = next(self._events)
        if isinstance(after, yaml.DocumentStartEvent):
            self._stop(self._mark(after), "a second document begins here", "keep one document in a file")
        return root

    def _node(self, event: yaml.Event, depth: int) -> Node:
        """The node that begins with this event, inside `depth` mappings and lists."""
        mark = self._mark(event)
        self._count(1, mark)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event.anchor or "", mark, depth)
        if not isinstance(event, yaml.NodeEvent):
            raise TypeError(f"expected the start of a node, got {event}")
        if event.anchor is not None:
            return self._anchored(event, event.anchor, mark, depth)
        return self._content(event, mark, depth)

    def _content(self, event: yaml.NodeEvent, mark: Mark, depth: int) -> Node:
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, mark)
        if depth == DEEPEST:
            self._stop(mark, f"more than {DEEPEST} mappings and lists inside one another", None)
        self._deepest = max(self._deepest, depth + 1)
        if isinstance(event, yaml.SequenceStartEvent):
            self._check_tag(event.tag, mark)
            return self._sequence(mark, depth + 1)
        if isinstance(event, yaml.MappingStartEvent):
            self._check_tag(event.tag, mark)
            return self._mapping(mark, depth + 1)
        raise TypeError(f"expected the start of a node, got {event}")

    def _scalar(self, event: yaml.ScalarEvent, mark: Mark) -> Scalar:
        text = event.value
        self._check_tag(event.tag, mark)
        self._check_text(text, mark)
        if not event.implicit[0]:  # quoted, or a block of text
            return Scalar(mark, text)
        try:
            return Scalar(mark, resolve(text))
        except ValueError as error:
            self._note(mark, str(error), "put it in quotes to keep the text")
            return Scalar(mark, text)

    def _sequence(self, mark: Mark, depth: int) -> Sequence:
        items = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(event, depth))
        return Sequence(mark, tuple(items))

    def _mapping(self, mark: Mark, depth: int) -> Mapping:
        entries: dict[str, Node] = {}
        key_marks: dict[str, Mark] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key, key_mark = self._key(event, depth), self._mark(event)
            value = self._node(next(self._events), depth)
            if key is None:
                continue
            if key in entries:
                first = key_marks[key]
                message = f"the key {key!r} stands twice in this mapping, first on line {first.line}"
                self._note(key_mark, f"{message}, column {first.column}", "keep one of the two")
            else:
                entries[key], key_marks[key] = value, key_mark
        return Mapping(mark, entries, key_marks)

    def _key(self, event: yaml.Event, depth: int) -> str | None:
        """The text of a key, or None for what can't be one."""
        mark = self._mark(event)
        if not isinstance(event, yaml.ScalarEvent):
            self._node(event, depth)
            self._note(mark, "a key must be text, not an alias, a mapping or a list", None)
            return None
        if event.anchor is not None:
            self._node(event, depth)
        else:
            self._check_tag(event.tag, mark)
            self._check_text(event.value, mark)
        if event.implicit[0] and event.value == "<<":
            self._note(mark, "merge keys ('<<') are not YAML 1.2", "write the keys out; a whole spec can be extended")
            return None
        if event.implicit[0] and not event.value:
            self._note(mark, "there is no key before this ':'", "write the key, or '' in quotes")
            return None
        return event.value

    def _anchored(self, event: yaml.NodeEvent, name: str, mark: Mark, depth: int) -> Node:
        if name in self._anchors:
            self._note(mark, f"the anchor '&{name}' is already taken", "give each anchor a name of its own")
        self._anchors[name] = None
        nodes, deepest, self._deepest = self._nodes, self._deepest, depth
        node = self._content(event, mark, depth)
        self._anchors[name] = _Anchored(node, self._nodes - nodes + 1, self._deepest - depth)
        self._deepest = max(deepest, self._deepest)
        return node

    def _alias(self, name: str, mark: Mark, depth: int) -> Node:
        anchored = self._anchors.get(name)
        if anchored is None:
            if name in self._anchors:
                self._note(mark, f"the alias '*{name}' stands inside what it stands for", None)
            else:
                self._note(mark, f"no anchor '&{name}' stands before this alias", did_you_mean(name, self._anchors))
            return Scalar(mark, None)
        self._count(anchored.nodes - 1, mark)
        if depth + anchored.height > DEEPEST:
            self._stop(mark, f"more than {DEEPEST} mappings and lists inside one another, aliases expanded", None)
        self._deepest = max(self._deepest, depth + anchored.height)
        return anchored.node

    def _count(self, nodes: int, mark: Mark) -> None:
        self._nodes += nodes
        if self._nodes > MOST_NODES:
            self._stop(mark, f"more than {MOST_NODES:,} values up to here, aliases expanded", "split the file")

    def _check_tag(self, tag: str | None, mark: Mark) -> None:
        if tag is not None:
            self._note(mark, TAG_REFUSED, TAG_HINT)

    def _check_text(self, text: str, mark: Mark) -> None:
        if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
            message = "this text holds half of a surrogate pair (\\ud800 to \\udfff)"
            self._note(mark, message, "write the character itself, or \\U and its eight digits")

    def _mark(self, event: yaml.Event) -> Mark:
        place = event.start_mark
        return Mark(self._file, place.line + 1, place.column + 1) if place else Mark.of_file(self._file)

    def _note(self, mark: Mark, message: str, hint: str | None) -> None:
        self.problems.append(Problem(mark, message, hint=hint))
        if len(self.problems) == MOST_PROBLEMS:
            self._stop(mark, f"reading ends here, after {MOST_PROBLEMS} mistakes", None)

    def _stop(self, mark: Mark, message: str, hint: str | None) -> None:
        raise SpecError([Problem(mark, message, hint=hint)])
