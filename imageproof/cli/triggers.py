"""`imageproof triggers`: the published table of test cards."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from imageproof.mock_server.triggers import HEADER, cards

WIDEST = 100


@click.command("triggers")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def triggers(*, as_json: bool) -> None:
    """Show the words that make the mock misbehave on purpose.

    They need no set-up, pass through any gateway, and are the same for every provider.
    """
    if as_json:
        click.echo(json.dumps([asdict(card) for card in cards()], indent=2))
        return
    out = click.HelpFormatter(max_width=WIDEST)
    for where in dict.fromkeys(card.where for card in cards()):
        with out.section(where):
            out.write_dl([(card.write, card.does) for card in cards() if card.where == where])
    click.echo(out.getvalue(), nl=False)
    click.echo(f"\nIn a prompt: [[slow: 90s]] [[status: 502 x2]]. In the header: {HEADER}: slow: 90s; status: 502 x2")
