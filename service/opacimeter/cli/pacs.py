"""`opacimeter pacs`: the archives of the settings."""

import json
from typing import Annotated

import typer

from opacimeter.cli.terminal import FAILED, settings, tell
from opacimeter.errors import ArchiveError
from opacimeter.exchange import Peer, open_archive

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="The archives that results go to.")


@app.callback()
def pacs() -> None:
    """Speak with the archives that OPACIMETER_PACS names."""


@app.command()
def echo(
    names: Annotated[
        list[str] | None, typer.Argument(help="All archives if none is named.")
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object an archive.")] = False,
) -> None:
    """Ask each archive whether it answers (C-ECHO or QIDO-RS); exit 4 where one does not."""
    from opacimeter.app import peers  # a batch run does not pay for a web server

    known = peers(settings())
    unknown = [name for name in names or () if name not in known]
    if unknown or not known:
        told = ", ".join(known) or "none"
        raise typer.BadParameter(f"OPACIMETER_PACS does not name it; it names: {told}.")
    answers = [_ask(known[name], as_json=as_json) for name in names or known]
    if not all(answers):
        raise typer.Exit(FAILED)


def _ask(peer: Peer, *, as_json: bool) -> bool:
    try:
        answered, told = True, open_archive(peer).echo()
    except ArchiveError as error:
        answered, told = False, str(error)
    if as_json:
        print(json.dumps({"name": peer.name, "answers": answered, "told": told}))  # noqa: T201
    else:
        tell(f"{peer.name}: {told}", style=None if answered else "red")
    return answered
