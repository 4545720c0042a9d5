"""The command line."""

from opacimeter.cli.commands import app, run

__all__ = ["app", "run"]
