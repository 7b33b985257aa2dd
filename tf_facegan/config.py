"""Configurations are frozen dataclasses: nested, typed, written as JSON, changed by dotted names.

Nothing here imports TensorFlow. A field's annotation decides how a value is read; its `help`
metadata is its one-line meaning.
"""

from __future__ import annotations

import ast
import collections.abc
import dataclasses
import difflib
import typing
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Optional, TypeVar

C = TypeVar("C")
_SIMILAR = 0.6  # share of letters that are the same, in the same order
_BEGINNING = 3  # letters that less similar names have to share


def option(default: Any, help: str) -> Any:
    """Declares a field with its default and its one-line meaning."""
    metadata = {"help": help}
    if isinstance(default, (dict, list)):
        return dataclasses.field(default_factory=lambda: type(default)(default), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def section(cls: type) -> Any:
    """Declares a nested configuration with its defaults."""
    return dataclasses.field(default_factory=cls)


@dataclasses.dataclass(frozen=True)
class Runtime:
    """How a run is carried out: the same section in every system's configuration."""

    num_gpus: int = option(1, "devices to train on; 1 without a GPU is the CPU")
    logical_cpus: int = option(0, "split the CPU into that many devices instead (0: do not)")
    deterministic: Optional[bool] = option(
        None, "repeat bit for bit; None: on the CPU, where it costs nothing, and not on GPUs"
    )
    checkpoint_minutes: float = option(10.0, "longest time between checkpoints, minutes")
    keep_checkpoints: int = option(2, "checkpoints kept in the run folder")
    prefetch: int = option(2, "minibatches prepared ahead")
    on_corrupt: str = option(
        "stop", "a corrupt record stops the run (stop) or is left out of it (skip)"
    )


def to_dict(config: Any) -> dict:
    """Returns a configuration as nested dicts of JSON values (integer keys become strings)."""

    def plain(value):
        if dataclasses.is_dataclass(value):
            return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
        if isinstance(value, dict):
            return {str(key): plain(item) for key, item in value.items()}
        if isinstance(value, (tuple, list)):
            return [plain(item) for item in value]
        return value

    return plain(config)


def from_dict(cls: type[C], values: dict) -> C:
    """Builds a configuration from what `to_dict` returned.

    Raises:
      ValueError: naming an unknown field, or a value of the wrong type.
    """
    return _replace(cls(), values, prefix="")


def override(config: C, changes: Mapping[str, Any]) -> C:
    """Returns a copy with fields changed.

    Args:
      config: a configuration.
      changes: dict of dotted name ("schedule.minibatch_base", or "data.sets.faces" for an entry
        of a dict) to a value.

    Raises:
      ValueError: naming an unknown field (and the nearest known one), or a value of the wrong type.
    """
    for name, value in changes.items():
        config = _override_one(config, name.split("."), value, name)
    return config


def parse_assignments(assignments: Iterable[str] | None) -> dict[str, Any]:
    """Turns command-line words "section.field=value" into a dict for `override`.

    A value is read as a Python literal (numbers, lists, dicts, True, None), else as text.
    """
    changes = {}
    for word in assignments or ():
        name, equals, text = word.partition("=")
        if not equals or not name.strip():
            raise ValueError(f"--set {word}: expected section.field=value")
        try:
            value = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            value = {"true": True, "false": False, "none": None}.get(text.lower(), text)
        changes[name.strip()] = value
    return changes


def nearest(name: str, known: Iterable) -> str:
    """Returns " (did you mean 'x'?)" for the most similar known name, else an empty string.

    Less similar names count if they begin alike: happiness for happy, but not is for lpips.
    """
    name, known = str(name), [str(one) for one in known]
    matches = difflib.get_close_matches(name, known, n=1, cutoff=_SIMILAR)
    if not matches:
        matches = difflib.get_close_matches(name, known, n=3, cutoff=_SIMILAR - 0.1)
        matches = [one for one in matches if name[:_BEGINNING] == one[:_BEGINNING]]
    return f" (did you mean {matches[0]!r}?)" if matches else ""


def check_choice(name: str, value: Any, known: Collection) -> None:
    """Raises ValueError, which names what is nearest, unless a value is one of the known ones."""
    if value not in known:
        choices = ", ".join(map(str, known))
        raise ValueError(f"{name} is {value!r}{nearest(value, known)}, expected one of {choices}")


def check_least(name: str, value: Any, least: Any) -> None:
    """Raises ValueError if a number is below the least that is allowed."""
    if value < least:
        raise ValueError(f"{name} is {value}, at least {least} expected")


def describe(config: Any, indent: int = 0) -> list[str]:
    """Returns the configuration as indented lines "name = value  # meaning"."""
    lines = []
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            lines += [f"{'  ' * indent}{field.name}:"] + describe(value, indent + 1)
        else:
            meaning = field.metadata.get("help", "")
            lines.append(
                f"{'  ' * indent}{field.name} = {value!r}" + f"  # {meaning}" * bool(meaning)
            )
    return lines


def _override_one(config, path, value, full_name):
    _require_field(config, path[0], full_name)
    current = getattr(config, path[0])
    if len(path) == 1:
        if dataclasses.is_dataclass(current):
            raise ValueError(
                f"{full_name} is a section: set one of its fields, as {full_name}.field"
            )
        return dataclasses.replace(
            config, **{path[0]: _typed(type(config), path[0], value, full_name)}
        )
    if isinstance(current, dict) and len(path) == 2:
        merged = {**current, path[1]: value}
        return dataclasses.replace(
            config, **{path[0]: _typed(type(config), path[0], merged, full_name)}
        )
    if not dataclasses.is_dataclass(current):
        raise ValueError(f"{full_name}: {path[0]} has no fields")
    return dataclasses.replace(
        config, **{path[0]: _override_one(current, path[1:], value, full_name)}
    )


def _replace(config, values, prefix):
    if not isinstance(values, dict):
        raise ValueError(f"{prefix or 'the configuration'} is {values!r}, fields expected")
    changes = {}
    for name, value in values.items():
        _require_field(config, name, prefix + name)
        current = getattr(config, name)
        if dataclasses.is_dataclass(current):
            if not isinstance(value, dict):
                raise ValueError(f"{prefix}{name}: expected a section of fields, found {value!r}")
            changes[name] = _replace(current, value, f"{prefix}{name}.")
        else:
            changes[name] = _typed(type(config), name, value, prefix + name)
    return dataclasses.replace(config, **changes)


def _require_field(config, name, full_name):
    known = [f.name for f in dataclasses.fields(config)]
    if name not in known:
        raise ValueError(f"unknown field {full_name!r}{nearest(name, known)}")


def _typed(cls, name, value, full_name):
    annotation = typing.get_type_hints(cls)[name]
    try:
        return _convert(annotation, value)
    except (TypeError, ValueError, AttributeError, OverflowError):
        wanted = getattr(annotation, "__name__", None) or str(annotation).replace("typing.", "")
        raise ValueError(f"{full_name}: expected {wanted}, found {value!r}") from None


def _convert(annotation, value):
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation is typing.Any:
        return value
    if origin is typing.Union:
        if value is None and type(None) in args:
            return None
        for choice in args:
            try:
                return _convert(choice, value)
            except (TypeError, ValueError):
                continue
        raise ValueError
    if origin in (dict, collections.abc.Mapping):
        return {_convert_key(args[0], k): _convert(args[1], v) for k, v in value.items()}
    if origin is tuple:
        if isinstance(value, str) or not isinstance(value, (tuple, list)):
            raise TypeError
        if len(args) == 2 and args[1] is Ellipsis:
            return tuple(_convert(args[0], item) for item in value)
        if len(args) != len(value):
            raise ValueError
        return tuple(_convert(kind, item) for kind, item in zip(args, value))
    return _scalar(annotation, value)


def _convert_key(kind, key):
    return int(key) if kind is int else _convert(kind, key)


def _scalar(kind, value):
    if kind is bool:
        if isinstance(value, bool) or (isinstance(value, int) and value in (0, 1)):
            return bool(value)
        raise TypeError
    if kind is str and value is None:
        return "none"  # which `parse_assignments` takes for None
    if kind is str and isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind is int and isinstance(value, float) and value.is_integer():
        return int(value)
    if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
        raise TypeError
    return value
