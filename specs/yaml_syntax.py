"""From text to YAML events, and from a parser's complaint to a sentence about what the person wrote.

PyYAML has two parsers: libyaml's is more than twenty times as fast, the one in Python is always there. They differ in
their words and on a few oddities, and a file must not be right on one machine and wrong on the next. So the Python one
decides about texts with such oddities, and words every complaint; the fast one reads all the rest.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import yaml

from imageproof.specs.problems import LINE_BREAK, Mark, Problem, SpecError
from imageproof.specs.yaml_text import mark_at

Loader: TypeAlias = type[yaml.SafeLoader] | type[yaml.CSafeLoader]

# libyaml takes a tab between two tokens for a space, and `|#` for the start of a block with a comment; it gives up at
# an escaped half of a surrogate pair, where the other one goes on and lets us name the text that holds it.
_ODDITY = re.compile(r"\t|[|>][-+0-9]*#|\\(?:u|U0000)[dD][89a-fA-F]")
_BEYOND_UNICODE = re.compile(r"\\U(?!000|0010)[0-9a-fA-F]{8}")  # the Python parser stumbles over it with no position

_TOKENS = {
    "<scalar>": "a value",
    "<stream end>": "the end of the file",
    "<block end>": "the end of the indented lines",
    "<block mapping start>": "a mapping",
    "<block sequence start>": "a list",
    "<document start>": "'---'",
    "<document end>": "'...'",
    "<anchor>": "an anchor ('&')",
    "<alias>": "an alias ('*')",
    "<tag>": "a tag ('!')",
    "<directive>": "a directive ('%')",
    "?": "a key",
    "\\t": "a tab",
    "\\n": "the end of the line",
    "\\x00": "the end of the file",
}


@dataclass(frozen=True, slots=True)
class _Wording:
    """How one kind of complaint is put. `{0}`, `{1}` are the groups of the pattern, `{line}` is where it began."""

    pattern: re.Pattern[str]
    message: str
    hint: str | None = None
    at_start: bool = False  # point at where the broken thing begins, instead of where the parser gave up


def _said(pattern: str, message: str, hint: str | None = None, *, at_start: bool = False) -> _Wording:
    return _Wording(re.compile(pattern, re.DOTALL), message, hint, at_start)


TAG_REFUSED = "tags ('!' before a value) are not allowed"
TAG_HINT = "write the value alone; put it in quotes if it begins with '!'"
_DIRECTIVE_REFUSED = "directives (lines that begin with '%') are not allowed, except '%YAML 1.2'"
_DIRECTIVE_HINT = "remove the line; put a value that begins with '%' in quotes"

# The pattern is matched against "<what the parser was doing>: <what went wrong>"; the first that fits counts.
_WORDINGS = (
    _said(r".* a directive: |.*YAML d|.*tag handle '.*' *$", _DIRECTIVE_REFUSED, _DIRECTIVE_HINT),
    _said(r".* a tag|.*undefined tag handle", TAG_REFUSED, TAG_HINT),
    _said(r".* (an anchor|an alias): ", "expected a name after '&' or '*'", "put a value that begins so in quotes"),
    _said(r".*cannot start.*\\t|.*'\\t' that cannot", "a tab can't stand here", "indent and separate with spaces"),
    _said(r".*found character ('.*') that", "a value can't begin with {0}", "put the value in quotes"),
    _said(r".*mapping values", "a ':' can't stand here", "quote a value that holds ': ', or check the indentation"),
    _said(r".*sequence entries", "a list item can't stand here", "begin it on a line of its own, below its key"),
    _said(r".*mapping keys", "a '?' can't stand here", "put a value that begins with '?' in quotes"),
    _said(r".*find expected ':'", "expected ':' after this key", "check the quotes and the indentation", at_start=True),
    _said(r".*quoted scalar: .*end of stream", "this quoted text is never closed", "add the quote", at_start=True),
    _said(r".*quoted scalar: .*document sep", "a line of '---' or '...' ends the file inside quoted text"),
    _said(r".*escape character '(.*)'", "unknown escape '\\{0}'", "write '\\\\' for a backslash, or use single quotes"),
    _said(r".*sequence of (\d+) hexadecimal", "expected {0} hexadecimal digits"),
    _said(r".*block scalar: .*found (.*)", "expected a line break after '|' or '>', got {0}",
          "put a value that begins so in quotes"),
    _said(r".*block collection: .*found (.*)", "expected '-' for the next item of the list of line {line}, got {0}",
          "align the '-' of all items"),
    _said(r".*block mapping: .*found (.*)", "expected the next key of the mapping of line {line}, got {0}",
          "align all keys of a mapping; close quotes and brackets"),
    _said(r".*expected ',' or '(.)', but got '<stream end>'", "the closing '{0}' is missing", at_start=True),
    _said(r".*expected ',' or '(.)', but got (.*)", "expected ',' or '{0}', got {1}",
          "the bracket of line {line} is still open"),
    _said(r".*node content, but found (.*)", "expected a value, got {0}"),
    _said(r".*document start.*found (.*)", "expected the end of the file, got {0}", "check the indentation and quotes"),
)  # fmt: skip


def fastest_loader() -> Loader:
    """PyYAML's parser in C where it was built, else the one in Python."""
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def check_directives(text: str, file: str) -> list[Problem]:
    """A problem for each directive at the top of a text but `%YAML 1.2`; the parsers pass over some of them."""
    problems = []
    for number, line in enumerate(LINE_BREAK.split(text), start=1):
        if line.startswith("%") and line.split("#", maxsplit=1)[0].split() != ["%YAML", "1.2"]:
            problems.append(Problem(Mark(file, number, 1), _DIRECTIVE_REFUSED, hint=_DIRECTIVE_HINT))
        if line.strip() and not line.startswith(("%", "#")):
            break
    return problems


def parse(text: str, file: str) -> Iterator[yaml.Event]:
    """The YAML events of a text, one by one, so that whoever reads them may stop at a limit.

    Raises `SpecError` with one problem where the text is no YAML.
    """
    loader = yaml.SafeLoader if _ODDITY.search(text) else fastest_loader()
    try:
        yield from yaml.parse(text, Loader=loader)
    except (ValueError, OverflowError) as error:
        raise SpecError([_beyond_unicode(text, file)]) from error
    except yaml.MarkedYAMLError as error:
        raise SpecError([_complaint_in_python(text, file) or _worded(error, file)]) from error


def _complaint_in_python(text: str, file: str) -> Problem | None:
    try:
        for _ in yaml.parse(text, Loader=yaml.SafeLoader):
            pass
    except (ValueError, OverflowError):
        return _beyond_unicode(text, file)
    except yaml.MarkedYAMLError as error:
        return _worded(error, file)
    return None


def _beyond_unicode(text: str, file: str) -> Problem:
    match = _BEYOND_UNICODE.search(text)
    mark = mark_at(text, match.start(), file) if match else Mark.of_file(file)
    return Problem(mark, "this escape is beyond the last character, U+10FFFF")


def _worded(complaint: yaml.MarkedYAMLError, file: str) -> Problem:
    said = f"{complaint.context or ''}: {complaint.problem or ''}"
    place, start = complaint.problem_mark, complaint.context_mark or complaint.problem_mark
    for wording in _WORDINGS:
        if match := wording.pattern.match(said):
            words = [_TOKENS.get(word.strip("'"), word) for word in match.groups()]
            line = start.line + 1 if start else 0
            hint = wording.hint and wording.hint.format(*words, line=line)
            at = start if wording.at_start else place
            return Problem(_mark(at, file), wording.message.format(*words, line=line), hint=hint)
    return Problem(_mark(place, file), f"this is not valid YAML: {complaint.problem}")


def _mark(place: yaml.Mark | None, file: str) -> Mark:
    return Mark(file, place.line + 1, place.column + 1) if place else Mark.of_file(file)
