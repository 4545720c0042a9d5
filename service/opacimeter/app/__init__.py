"""Composition root: settings become a service. Nothing else reads them, nothing here decides."""

from opacimeter.app.archives import peers
from opacimeter.app.backfilling import backfill
from opacimeter.app.service import create_app, serve
from opacimeter.app.worker import work

__all__ = ["backfill", "create_app", "peers", "serve", "work"]
