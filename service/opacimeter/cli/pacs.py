"""`opacimeter pacs`: the archives of the settings."""

import json
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from opacimeter.cli.terminal import FAILED, settings, tell
from opacimeter.errors import ArchiveError
from opacimeter.exchange import Peer, open_archive

if TYPE_CHECKING:
    from opacimeter.dispatch import BackfilledDay  # the command line does not pay for a database

__all__ = ["app"]

_DATE = ["%Y-%m-%d"]

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


@app.command()
def backfill(
    name: Annotated[str, typer.Argument(help="The archive.")],
    first: Annotated[datetime, typer.Option("--from", formats=_DATE, help="First day.")],
    last: Annotated[datetime, typer.Option("--to", formats=_DATE, help="Last day.")],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only look, ask for none.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a study.")] = False,
) -> None:
    """Ask for the chest CT that an archive has of a range of days; the service fetches them.

    They are assessed after everything else. What is known is passed over, so the same range again
    goes on where it was.
    """
    from opacimeter.app import backfill as backfill_archive  # likewise

    wanted = settings()
    known = [pacs.name for pacs in wanted.pacs]
    if name not in known:
        told = ", ".join(known) or "none"
        raise typer.BadParameter(f"OPACIMETER_PACS does not name it; it names: {told}.")
    if last < first:
        raise typer.BadParameter("--to is before --from.")
    days: list[BackfilledDay] = []
    try:
        for day in backfill_archive(wanted, name, (first.date(), last.date()), dry_run=dry_run):
            days.append(day)
            _tell_day(day, as_json=as_json)
    finally:  # an archive that fails half-way leaves what was asked for before
        if not as_json:
            Console().print(_table(days))


def _tell_day(day: "BackfilledDay", *, as_json: bool) -> None:
    """The studies of a day as JSON, and a warning where there may be more."""
    for each in day.studies if as_json else ():
        told = {"date": day.day.isoformat(), "study_uid": each.study.uid}
        standing = {"description": each.study.description, "standing": each.standing.value}
        print(json.dumps({**told, **standing, "asked": each.asked}), flush=True)  # noqa: T201
    if not day.whole:
        tell(
            f"{day.day}: the archive has many studies of that day and may not have told all. Ask "
            "for those that are missing by their UID.",
            style="yellow",
        )


def _table(days: "list[BackfilledDay]") -> Table:
    studies = [(day.day.isoformat(), each) for day in days for each in day.studies]
    asked = sum(each.asked for _, each in studies)
    table = Table(caption=f"{len(studies)} chest CT in {len(days)} days, {asked} asked for.")
    for column in ("date", "study", "description", "here", "asked for"):
        table.add_column(column, overflow="fold")
    for day, each in studies:
        cells = (day, each.study.uid, each.study.description, each.standing.value)
        table.add_row(*map(Text, (*cells, "yes" if each.asked else "")))
    return table


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
