"""What the tabs share: Gradio, photos that are checked, errors as messages in the page."""

from __future__ import annotations

import functools
import importlib
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from tf_facegan.command_line import one_line
from tf_facegan.extras import missing

if TYPE_CHECKING:
    from gradio.components import Component

    from tf_facegan.demo.models import Models
    from tf_facegan.demo.uploads import Limits


KEPT_SECONDS = 3600  # of what was uploaded and made


def gradio() -> ModuleType:
    """Returns Gradio; ImportError says how to get it."""
    try:
        return importlib.import_module("gradio")
    except ImportError as error:
        raise ImportError(missing("the page", "demo", error)) from None


def said(function: Callable) -> Callable:
    """Makes what a user can get wrong a message in the page."""

    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        try:
            return function(*args, **kwargs)
        except (ValueError, OSError, ImportError) as error:
            raise gradio().Error(one_line(error), print_exception=False) from None

    return wrapped


def photo(limits: Limits, label: str, elem_id: str) -> Component:
    """Makes an input for a photo: a file that is checked, or the webcam.

    Its value is a path.
    """
    sources = ["upload", "webcam", "clipboard"]
    options = {"type": "filepath", "image_mode": None, "sources": sources, "height": 300}
    image = gradio().Image(label=label, elem_id=elem_id, **options)
    read = image.preprocess

    @said
    def checked(payload):
        if payload is not None and payload.path:
            limits.check_photo(payload.path, Path(payload.orig_name or "the file").name)
        return read(payload)

    # Of this one: Gradio writes a file beside the module of every class of components.
    image.preprocess = checked
    return image


def required(value: Any, what: str) -> Any:
    """Raises ValueError where something was not given."""
    if value is None or value == "":
        raise ValueError(f"give {what} first")
    return value


def new_file(suffix: str) -> Path:
    """Returns the path of a file to make; results of an hour ago, and all at the end, are removed.

    The page has a copy of its own by then.
    """
    folder = Path(_results().name)
    for path in folder.iterdir():
        if path.stat().st_mtime < time.time() - KEPT_SECONDS:
            path.unlink()
    return folder / f"{uuid.uuid4().hex}{suffix}"


@functools.cache
def _results():
    return tempfile.TemporaryDirectory(prefix="tf_facegan-")


def picture(label: str, elem_id: str, height: int = 300) -> Component:
    """Makes an output for a picture."""
    return gradio().Image(label=label, elem_id=elem_id, height=height, interactive=False)


def video(label: str, elem_id: str, height: int = 300) -> Component:
    """Makes an output for a video, which plays at once, again and again."""
    options = {"autoplay": True, "loop": True, "interactive": False}
    return gradio().Video(label=label, elem_id=elem_id, height=height, **options)


def networks(models: Models, *systems: str, elem_id: str | None = None) -> Component:
    """Makes the choice of a network of some systems."""
    names = models.names(*systems)
    first = names[0] if names else None
    return gradio().Dropdown(names, value=first, label="network", elem_id=elem_id)


def number(label: str, value: float = 0, largest: int = 2**31 - 1) -> Component:
    """Makes an input for a whole number from 0, a seed for example."""
    return gradio().Number(value, label=label, precision=0, minimum=0, maximum=largest)
