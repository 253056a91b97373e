"""What a client sends: requests that keep the contract, and the key only where it belongs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from imageproof.suites.client.watch import Remark

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imageproof.suites.client.scene import Scene

KEY = re.compile(r"\[key\]|\[redacted\]")  # what stands in a record in place of a key


def check_requests(scene: Scene) -> Iterator[Remark]:
    """No request breaks a rule of the contract."""
    sent = [item for item in scene.all if scene.operation_of(item) is not None]
    wrong = [item for item in scene.all if item.rules]
    if not sent and not wrong:
        return
    broken = sorted({rule for item in wrong for rule in item.rules})
    more = f" and {len(broken) - 1} more" if len(broken) > 1 else ""
    first = wrong[0] if wrong else None
    yield Remark(
        rule=f"{scene.prefix}requests",
        ok=first is None,
        expected="every request keeps the rules of the contract",
        actual=f"{len(wrong)} of {len(sent)} requests break {broken[0]}{more}" if first else "",
        bad=first.id if first else None,
        others=tuple(item.id for item in wrong[1:10]),
        details={"rules": ", ".join(broken)} if first else None,
    )


def check_key_in_url(scene: Scene) -> Iterator[Remark]:
    """No URL holds the key."""
    if not scene.all:
        return
    wrong = [item for item in scene.all if KEY.search(unquote(item.request.url))]
    yield Remark(
        rule=f"{scene.prefix}key-in-url",
        ok=not wrong,
        expected="the key is sent in a header only",
        actual=f"the URL of {len(wrong)} of {len(scene.all)} requests holds it" if wrong else "",
        bad=wrong[0].id if wrong else None,
        others=tuple(item.id for item in wrong[1:10]),
    )


def check_key_to_results(scene: Scene) -> Iterator[Remark]:
    """No result is fetched with the key."""
    if not scene.downloads:
        return
    names = {scene.spec.auth.header.lower(), "authorization"}
    wrong = [item for item in scene.downloads if any(name.lower() in names for name, _ in item.request.headers)]
    yield Remark(
        rule=f"{scene.prefix}key-to-results",
        ok=not wrong,
        expected=f"results are fetched without {scene.spec.auth.header}",
        actual=f"{len(wrong)} of {len(scene.downloads)} downloads carry it" if wrong else "",
        bad=wrong[0].id if wrong else None,
        others=tuple(item.id for item in wrong[1:10]),
    )
