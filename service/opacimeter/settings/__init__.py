"""Settings: everything an operator can turn, from the environment or a file it names."""

from opacimeter.settings.listener import Listener, Sender
from opacimeter.settings.pacs import AeTitle, Pacs
from opacimeter.settings.service import Settings
from opacimeter.settings.sources import UnreadableConfig
from opacimeter.settings.webhook import SECRET_LENGTH, Webhook

__all__ = [
    "SECRET_LENGTH",
    "AeTitle",
    "Listener",
    "Pacs",
    "Sender",
    "Settings",
    "UnreadableConfig",
    "Webhook",
]
