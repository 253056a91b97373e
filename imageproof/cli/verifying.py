"""`imageproof verify`: the group; what it judges is imported when it is asked for."""

from __future__ import annotations

import click

from imageproof.cli.lazy import Lazy, LazyGroup


class _Verify(LazyGroup):
    lazy = {  # noqa: RUF012  (never changed; click's own class declares it as a plain attribute)
        "gateway": Lazy("imageproof.cli.verify", "gateway", "Verify a gateway by talking to it."),
        "client": Lazy("imageproof.cli.verify_client", "client", "Verify a client by watching it."),
    }


@click.group(cls=_Verify)
def verify() -> None:
    """Judge a gateway, or a client, by a provider's contract."""
