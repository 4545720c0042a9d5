"""Page: the report of one sheet."""

from opacimeter.report.page.lettering import FONT_FILE
from opacimeter.report.page.refusal import refusal_pdf
from opacimeter.report.page.sheet import page_pdf
from opacimeter.report.page.show import Shown, page_pictures
from opacimeter.report.page.wording import plain, shown

__all__ = ["FONT_FILE", "Shown", "page_pdf", "page_pictures", "plain", "refusal_pdf", "shown"]
