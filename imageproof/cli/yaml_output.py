"""Plain data as YAML that readers of YAML 1.1 and of 1.2 read alike."""

from __future__ import annotations

import yaml

from imageproof.specs.yaml_scalars import resolve

WIDTH = 120


class _Dumper(yaml.SafeDumper):
    """Quotes what either version would take for something else than text, and never writes anchors."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002  (asked for each value)
        return True


def _quoted(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if _is_text(text) else '"')


def _is_text(text: str) -> bool:
    """Whether YAML 1.2 reads it, unquoted, as text. PyYAML itself takes care of 1.1."""
    try:
        return resolve(text) == text
    except ValueError:
        return False


_Dumper.add_representer(str, _quoted)


def yaml_text(tree: object) -> str:
    """The YAML text of a tree of JSON values."""
    return yaml.dump(tree, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=WIDTH)
