"""YAML that is refused: each mistake at its place, in one sentence, and nothing that a hostile file could exhaust."""

import os
from pathlib import Path

import pytest
import yaml

from imageproof.specs import yaml_syntax
from imageproof.specs.nodes import DEEPEST, MOST_NODES, MOST_PROBLEMS, plain, read_file, read_text
from imageproof.specs.problems import LARGEST_FILE_BYTES, Problem, SpecError

FILE = "a.yaml"


@pytest.fixture(params=["fastest", "python"])
def _parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "python":
        monkeypatch.setattr(yaml_syntax, "fastest_loader", lambda: yaml.SafeLoader)


both_parsers = pytest.mark.usefixtures("_parser")


def problems_of(text: str) -> tuple[Problem, ...]:
    with pytest.raises(SpecError) as caught:
        read_text(text, file=FILE)
    return caught.value.problems


def places_of(text: str) -> list[tuple[int, int]]:
    return [(problem.mark.line, problem.mark.column) for problem in problems_of(text)]


def sentence_about(path: Path) -> str:
    """The one sentence about a path that can't be read."""
    with pytest.raises(SpecError) as caught:
        read_file(path)
    (problem,) = caught.value.problems
    assert caught.value.render().splitlines()[0] == f"{problem.mark}: {problem.message}"
    assert problem.mark.file == str(path)
    return problem.message


@both_parsers
def test_every_duplicate_key_is_told_with_both_places() -> None:
    with pytest.raises(SpecError) as caught:
        read_text("size: 1\nb: {c: 1, c: 2}\nsize: 2\n'size': 3\n", file=FILE)

    assert caught.value.render() == (
        "a.yaml:2:11: the key 'c' stands twice in this mapping, first on line 2, column 5\n"
        "    b: {c: 1, c: 2}\n"
        "              ^\n"
        "    hint: keep one of the two\n"
        "a.yaml:3:1: the key 'size' stands twice in this mapping, first on line 1, column 1\n"
        "    size: 2\n"
        "    ^\n"
        "    hint: keep one of the two\n"
        "a.yaml:4:1: the key 'size' stands twice in this mapping, first on line 1, column 1\n"
        "    'size': 3\n"
        "    ^\n"
        "    hint: keep one of the two"
    )


@both_parsers
def test_mistakes_before_a_broken_place_are_told_with_it() -> None:
    assert places_of("a: 1\na: 2\nb: !x 3\nc: [1, 2\n") == [(2, 1), (3, 4), (4, 4)]


REFUSED = {
    "a tag": ("a: !foo 1\n", (1, 4)),
    "a Python tag": ("a: !!python/object/apply:os.system [ls]\n", (1, 4)),
    "a core tag": ("a: !!str 1\n", (1, 4)),
    "a tag on a mapping": ("!x {a: 1}\n", (1, 1)),
    "a tag on a key": ("!x a: 1\n", (1, 1)),
    "a lone tag": ("a: ! x\n", (1, 4)),
    "a broken tag": ("a: !<foo bar\n", (1, 9)),
    "a merge key": ("b: &b {c: 1}\na:\n  <<: *b\n", (3, 3)),
    "an alias to nothing": ("a: *b\n", (1, 4)),
    "an alias to itself": ("a: &a [1, *a]\n", (1, 11)),
    "an alias to a mapping around it": ("&a b: &m {c: {d: *m}}\n", (1, 18)),
    "an anchor that is taken": ("a: &a 1\nb: &a 2\n", (2, 4)),
    "a second document": ("a: 1\n---\nb: 1\n", (2, 1)),
    "an empty second document": ("---\n...\n---\n", (3, 1)),
    "YAML 1.1": ("%YAML 1.1\n---\na: off\n", (1, 1)),
    "a tag handle": ("%TAG ! tag:x,2000:\n---\na: 1\n", (1, 1)),
    "an unknown directive": ("# x\n\n%FOO\n---\na: 1\n", (3, 1)),
    "a list as key": ("? [a]\n: 1\n", (1, 3)),
    "an alias as key": ("a: &a b\n*a : 1\n", (2, 1)),
    "no key": ("a: 1\n? \n: 1\n", (2, 2)),
    "no key in braces": ("{: 1}\n", (1, 2)),
    "a number too large": ("a: 1e400\n", (1, 4)),
    "a number too long": (f"a: {'1' * 401}\n", (1, 4)),
    "half a surrogate pair": ('a: "\\ud83d"\n', (1, 4)),
    "half a surrogate pair in a key": ('"\\ud83d": 1\n', (1, 1)),
    "beyond Unicode": ('a: "\\U00110000"\n', (1, 5)),
    "a bell": ("a: x\x07\n", (1, 5)),
    "a NUL": ("a: \0\n", (1, 4)),
    "a line separator": ("a: x\u2028y\n", (1, 5)),
    "a lone surrogate": ("a: \ud800\n", (1, 4)),
    "a second byte order mark": ("a: 1\n\ufeffb: 2\n", (2, 1)),
    "a tab as indentation": ("a:\n\tb: 1\n", (2, 1)),
    "a tab before a value": ("a:\tb\n", (1, 3)),
    "an open quote": ('a: "foo\nb: 1\n', (1, 4)),
    "an open bracket": ("a: [1, 2\n", (1, 4)),
    "an open brace": ("a: {b: 1\n", (1, 4)),
    "a wrong bracket": ("a: [b, c}\n", (1, 9)),
    "a missing colon": ("a: 1\nb\nc: 2\n", (2, 1)),
    "a colon in a value": ("a: b: c\n", (1, 5)),
    "a key too far right": ("a: 1\n  b: 2\n", (2, 4)),
    "a key among items": ("- a\nb: 1\n", (2, 1)),
    "an item in a value": ("a: - b\n", (1, 4)),
    "a value with @": ("a: @b\n", (1, 4)),
    "a value with *": ("a: *.png\n", (1, 5)),
    "an unknown escape": ('a: "\\d"\n', (1, 6)),
    "a broken escape": ('a: "\\x1g"\n', (1, 7)),
    "a text beside |": ("a: |b\n", (1, 5)),
    "a text after a text": ('"a" b\n', (1, 5)),
    "a document end in a text": ('a: "\n---\n"\n', (2, 1)),
}


@both_parsers
@pytest.mark.parametrize(("text", "place"), REFUSED.values(), ids=REFUSED)
def test_refused_with_one_plain_sentence_at_its_place(text: str, place: tuple[int, int]) -> None:
    (problem,) = problems_of(text)

    assert (problem.mark.line, problem.mark.column) == place
    assert "\n" not in problem.message
    assert "while" not in problem.message
    assert not any(token in problem.message for token in ("<stream", "<block", "<scalar", "not valid YAML"))


@both_parsers
def test_a_syntax_error_reads_like_this() -> None:
    with pytest.raises(SpecError) as caught:
        read_text("a: 1\nlist: [1, 2\nb: 3\n", file=FILE)

    assert caught.value.render() == (
        "a.yaml:3:2: expected ',' or ']', got ':'\n"
        "    b: 3\n"
        "     ^\n"
        "    hint: the bracket of line 2 is still open"
    )  # fmt: skip


@both_parsers
def test_an_invisible_character_reads_like_this() -> None:
    with pytest.raises(SpecError) as caught:
        read_text("a: x\x07y\n", file=FILE)

    assert caught.value.render() == (
        "a.yaml:1:5: the invisible character U+0007 can't stand in a YAML file\n"
        "    a: x\N{REPLACEMENT CHARACTER}y\n"
        "        ^\n"
        "    hint: in double-quoted text, write it as \\x07"
    )


def bomb(levels: int) -> str:
    """Lines of ten aliases each: `levels` lines expand to ten to the power of `levels` values."""
    lines = ["a0: &a0 [x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, levels)]
    return "\n".join(lines)


@both_parsers
def test_an_alias_bomb_is_refused_before_it_expands() -> None:
    (problem,) = problems_of(bomb(40))

    assert f"{MOST_NODES:,}" in problem.message
    assert problem.mark.line == 6


@both_parsers
def test_aliases_below_the_limit_are_fine() -> None:
    assert isinstance(plain(read_text(bomb(4), file=FILE)), dict)


def test_the_limit_of_values_holds_without_aliases() -> None:
    inside = "[" + "1," * (MOST_NODES - 1) + "]"

    assert len(plain(read_text(inside, file=FILE))) == MOST_NODES - 1  # type: ignore[arg-type]
    (problem,) = problems_of("[1," + inside[1:])
    assert f"{MOST_NODES:,}" in problem.message


@both_parsers
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ("{a: ", "}"), ("- ", "")])
def test_depth_is_limited(opening: str, closing: str) -> None:
    assert plain(read_text(opening * DEEPEST + "1" + closing * DEEPEST, file=FILE)) is not None
    (problem,) = problems_of(opening * (DEEPEST + 1) + "1" + closing * (DEEPEST + 1))
    assert problem.mark.column == DEEPEST * len(opening) + 1


@both_parsers
@pytest.mark.parametrize("opening", ["[", "{", "- ", "? ", "[{a: ", "{a: [", "&"])
def test_a_hundred_thousand_brackets_are_refused(opening: str) -> None:
    (problem,) = problems_of(opening * 100_000)

    assert problem.mark.line == 1


@both_parsers
def test_depth_counts_what_aliases_stand_for() -> None:
    half = DEEPEST // 2 + 1
    text = f"a: &a {'[' * half}{']' * half}\nb: {'[' * half}*a{']' * half}\n"

    (problem,) = problems_of(text)

    assert (problem.mark.line, problem.mark.column) == (2, 4 + half)


@both_parsers
def test_a_tower_of_aliases_is_refused_by_its_height() -> None:
    lines = ["a0: &a0 [x]", *(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 3000))]

    (problem,) = problems_of("\n".join(lines))

    assert problem.mark.line == DEEPEST


def test_reading_ends_after_a_hundred_mistakes() -> None:
    problems = problems_of("\n".join(["a: !x 1"] * 50_000))

    assert len(problems) == MOST_PROBLEMS + 1
    assert str(MOST_PROBLEMS) in problems[-1].message


def test_a_missing_file(tmp_path: Path) -> None:
    assert sentence_about(tmp_path / "x.yaml") == "there is no such file"


def test_a_file_as_folder(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("a: 1")

    assert "not a folder" in sentence_about(tmp_path / "x" / "y.yaml")


def test_a_folder(tmp_path: Path) -> None:
    assert sentence_about(tmp_path) == "this is a folder, not a YAML file"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes in folders")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")

    assert sentence_about(tmp_path / "pipe.yaml") == "this is a pipe, not a YAML file"


@pytest.mark.skipif(os.name == "nt", reason="this system has no devices in folders")
@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null"])
def test_a_device_is_not_read(device: str) -> None:
    assert sentence_about(Path(device)) == "this is a device, not a YAML file"


def test_links_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").symlink_to(tmp_path / "b.yaml")
    (tmp_path / "b.yaml").symlink_to(tmp_path / "a.yaml")

    assert sentence_about(tmp_path / "a.yaml") == "the links lead in a circle"


def test_a_forbidden_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "a.yaml").write_text("a: 1")
    monkeypatch.setattr(Path, "open", refuse)

    assert sentence_about(tmp_path / "a.yaml") == "the file may not be read by this user"


@pytest.mark.parametrize("name", ["nul\0.yaml", "x" * 5000])
def test_an_impossible_path(name: str, tmp_path: Path) -> None:
    assert "path" in sentence_about(tmp_path / name)


def test_a_large_file_is_refused_by_its_size(tmp_path: Path) -> None:
    with (tmp_path / "a.yaml").open("wb") as file:
        file.truncate(50 * 1024 * 1024)

    assert sentence_about(tmp_path / "a.yaml") == "the file is too large: 52,428,800 bytes, and 1,048,576 are the most"


def test_a_file_of_the_largest_size_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"a: 1\n" + b"#" * (LARGEST_FILE_BYTES - 5))

    assert plain(read_file(tmp_path / "a.yaml")) == {"a": 1}


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "this is not a text file: byte 8 is NUL"),
        (b"a: \0", "this is not a text file: byte 3 is NUL"),
        ("a: 1".encode("utf-16"), "the file is UTF-16; it must be UTF-8"),
        ("a: 1".encode("utf-32"), "the file is UTF-32; it must be UTF-8"),
    ],
)
def test_a_file_that_is_no_text(data: bytes, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(data)

    assert sentence_about(tmp_path / "a.yaml") == sentence


def test_a_file_that_is_not_utf_8_reads_like_this(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.yaml").write_bytes("name: x\r\ntitle: café\r\n".encode("latin-1"))

    with pytest.raises(SpecError) as caught:
        read_file(Path("a.yaml"))

    assert caught.value.render() == (
        "a.yaml:2:11: the file is not UTF-8: byte 19 is 0xe9\n"
        "    title: caf\N{REPLACEMENT CHARACTER}\n"
        "              ^\n"
        "    hint: save the file as UTF-8"
    )
