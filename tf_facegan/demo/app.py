"""The page: a tab a task, served to this machine."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tf_facegan.demo import generator_tabs, models, photo_tabs
from tf_facegan.demo.parts import KEPT_SECONDS, gradio

if TYPE_CHECKING:
    from gradio import Blocks

    from tf_facegan.demo.models import Models
    from tf_facegan.demo.uploads import Limits


TABS = (
    ("Action units", photo_tabs.action_units, ("ganimation",)),
    ("Recognition", photo_tabs.recognition, ("tdgan", "expression-vgg16")),
    ("Reenactment", photo_tabs.reenactment, ("rdgan", "ganimation")),
    ("3D faces", generator_tabs.faces_3d, ("tbgan",)),
    ("Samples", generator_tabs.samples, ("expression-cwgan",)),
)
"""(title, function of models and limits that draws it, systems of which it needs one)."""

ABOUT = (
    "# tf_facegan\nEverything stays on the machine that serves this page. Use faces that you may "
    "use, and say of what comes out that it is generated."
)
# The viewer of 3D faces takes WebGPU where a browser knows the word, and fails where it has none.
_HEAD = "<script>delete Navigator.prototype.gpu;</script>"
_FONTS = ("system-ui", "sans-serif")  # nothing is loaded from elsewhere
_MONO = ("ui-monospace", "monospace")


def build(found: Models, limits: Limits) -> Blocks:
    """Makes the page.

    Args:
      found: `models.Models`.
      limits: `uploads.Limits`.

    Returns:
      gradio.Blocks.

    Raises:
      ImportError: Gradio is missing.
    """
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    gr = gradio()
    with gr.Blocks(
        title="tf_facegan", analytics_enabled=False, delete_cache=(KEPT_SECONDS, KEPT_SECONDS)
    ) as page:
        gr.Markdown(ABOUT)
        for title, draw, systems in TABS:
            with gr.Tab(title):
                if found.names(*systems):
                    draw(found, limits)
                else:
                    gr.Markdown(models.how_to(*systems))
    return page


def launch(found: Models, limits: Limits, host: str, port: int) -> None:
    """Serves the page until Ctrl-C; arguments as of `build`, address and port.

    Raises:
      ImportError: Gradio is missing. OSError: the port is taken.
    """
    page = build(found, limits)
    gr = gradio()
    page.queue(max_size=16, default_concurrency_limit=1)
    page.launch(
        server_name=host,
        server_port=port,
        share=False,
        quiet=True,
        show_error=True,
        ssr_mode=False,
        footer_links=[],
        head=_HEAD,
        max_file_size=int(limits.megabytes * 1e6),
        theme=gr.themes.Default(font=list(_FONTS), font_mono=list(_MONO)),
    )
