"""Stand-ins for what pickles may name, and what is made of them: the tables of `pickles`.

None of the rows is the real thing: each takes data apart with its own checks. In particular numpy's
own reconstruction is not used, because `dtype.__setstate__` believes what it is told and can be
made to read raw bytes as object pointers. What is handed out cannot be changed by a pickle either,
so one file cannot prepare the ground for the next.
"""

from __future__ import annotations

import collections
import re
from typing import Any

import numpy as np

from tf_facegan import torch_files

_PLAIN_DTYPE = re.compile(r"[<>=|]?([?]|[biufcSU]\d+)")
_OBJECT_DTYPE = re.compile(r"[|]?O8?")


class RefusedPickle(ValueError):
    """A pickle that asks for more than data."""


class _Sealed(type):
    """Metaclass of what pickles may name: its attributes cannot be set from a pickle."""

    def __setattr__(cls, name, value):
        raise RefusedPickle(f"it sets {name} of {cls.__name__}")


class State(metaclass=_Sealed):
    """An object of a class that is not imported: its attributes and nothing else.

    Sub-classes name the class in `pickled_class`.
    """

    pickled_class = None

    def __setstate__(self, state):
        attributes, slots = state if isinstance(state, tuple) and len(state) == 2 else (state, None)
        for part in (attributes, slots):
            if part is not None and not isinstance(part, dict):
                raise RefusedPickle(f"its {self.pickled_class} has a state that is no dictionary")
            self.__dict__.update(part or {})


class _Function:
    """A callable that a pickle may name, and may only call."""

    __slots__ = ("_function",)

    def __init__(self, function):
        object.__setattr__(self, "_function", function)

    def __call__(self, *args):
        return self._function(*args)

    def __setattr__(self, name, value):
        raise RefusedPickle(f"it sets {name} of a function")

    def __setstate__(self, state):
        raise RefusedPickle("it sets the state of a function")


class _Dtype(metaclass=_Sealed):
    """Stands in for numpy.dtype: numbers, booleans and strings only."""

    def __init__(self, spec, *_):
        if not isinstance(spec, str) or not _PLAIN_DTYPE.fullmatch(spec):
            raise RefusedPickle(f"it holds an array of dtype {spec!r}, plain numbers expected")
        self.dtype = np.dtype(spec)

    def __setstate__(self, state):
        _, byte_order, sub_array, names, fields, *_ = state
        if (sub_array, names, fields) != (None, None, None):
            raise RefusedPickle("it holds a structured array, plain numbers expected")
        if self.dtype is not None:
            self.dtype = self.dtype.newbyteorder(byte_order)


class _AnyDtype(_Dtype):
    """Stands in for numpy.dtype where arrays may hold objects; `dtype` is None for these."""

    def __init__(self, spec, *_):
        if isinstance(spec, str) and _OBJECT_DTYPE.fullmatch(spec):
            self.dtype = None
        else:
            super().__init__(spec)


class _Array(metaclass=_Sealed):
    """Stands in for numpy.ndarray until its state has come."""

    array = None

    def __setstate__(self, state):
        _, shape, dtype, is_fortran, data = state
        if isinstance(dtype, _Dtype) and dtype.dtype is None:
            self.array = _objects(data, shape)
            return
        self.array = _array(data, dtype, shape, "F" if is_fortran else "C")


class _OrderedDict(collections.OrderedDict, metaclass=_Sealed):
    """Stands in for collections.OrderedDict, without attributes of its own."""

    def __setstate__(self, state):
        """Torch's dictionaries carry versions of the modules they came from."""


def _objects(data, shape):
    """What an array of objects holds: the object, or the list of them."""
    if shape not in ((), (len(data),)):
        raise RefusedPickle(f"it holds objects in an array {list(shape)}, one or a list expected")
    return data if shape else data[0]


def _array(data, dtype, shape, order):
    if isinstance(data, str):  # bytes of Python 2
        data = data.encode("latin1")
    return np.frombuffer(data, _numpy_dtype(dtype)).reshape(shape, order=order)


def _numpy_dtype(dtype):
    if not isinstance(dtype, _Dtype) or dtype.dtype is None:
        raise RefusedPickle("it holds an array without a dtype of numbers")
    return dtype.dtype


def _scalar(dtype, data=b""):
    return _array(data, dtype, (1,), "C")[0]


def _reconstruct(subtype, shape, typecode):
    return _Array()


def _encode(text, encoding="latin1"):
    # How Python 3 writes bytes in protocols 0 to 2.
    if encoding not in ("latin1", "latin-1"):
        raise RefusedPickle(f"it encodes text as {encoding}")
    return text.encode("latin1")


def _empty_bytes():
    return b""


def _new_object(cls, base, state):
    # copyreg._reconstructor: how protocols 0 and 1 make an object.
    if not (isinstance(cls, type) and issubclass(cls, State)):
        raise RefusedPickle(f"it makes an object of {cls!r}")
    return cls()


def _join_path(*parts):
    return "/".join(parts).replace("//", "/")


def _state_class(module, name):
    return _Sealed(name, (State,), {"pickled_class": f"{module}.{name}"})


def _numpy_globals():
    for core in ("numpy.core", "numpy._core"):
        yield (f"{core}.multiarray", "_reconstruct"), _Function(_reconstruct)
        yield (f"{core}.multiarray", "scalar"), _Function(_scalar)
        yield (f"{core}.numeric", "_frombuffer"), _Function(_array)
    yield ("numpy", "ndarray"), _Array
    yield ("numpy", "dtype"), _Dtype


def _python_globals():
    yield ("collections", "OrderedDict"), _OrderedDict
    yield ("_codecs", "encode"), _Function(_encode)
    for builtins, copyreg in (("__builtin__", "copy_reg"), ("builtins", "copyreg")):
        yield (builtins, "bytes"), _Function(_empty_bytes)
        yield (builtins, "object"), _Function(_empty_bytes)  # an argument of _new_object, unused
        yield (copyreg, "_reconstructor"), _Function(_new_object)
    for name in ("PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath"):
        yield ("pathlib", name), _Function(_join_path)


def _state_globals():
    for module, name in (
        ("menpo.image.base", "Image"),
        ("menpo.image.boolean", "BooleanImage"),
        ("menpo.image.masked", "MaskedImage"),
        ("menpo.landmark.base", "LandmarkManager"),
        ("menpo.shape.pointcloud", "PointCloud"),
        # TBGAN's and PGGAN's networks: construction arguments and variables.
        ("tfutil", "Network"),
        ("uv_gan.tfutil", "Network"),
        ("network", "Network"),
    ):
        yield (module, name), _state_class(module, name)


# What a pickle may name. A class whose state alone is of interest is one more row of
# `_state_globals`; anything else needs a stand-in that checks its arguments.
GLOBALS = {**dict(_numpy_globals()), **dict(_python_globals()), **dict(_state_globals())}


def _torch_globals():
    for name in ("_rebuild_tensor", "_rebuild_tensor_v2"):
        yield ("torch._utils", name), _Function(torch_files.rebuild_tensor)
    yield ("torch._utils", "_rebuild_parameter"), _Function(torch_files.rebuild_parameter)
    for name in torch_files.DTYPES:
        yield ("torch", name), name


TORCH_GLOBALS = {**GLOBALS, **dict(_torch_globals())}
OBJECT_GLOBALS = {**GLOBALS, ("numpy", "dtype"): _AnyDtype}  # for arrays of objects


def finished(value: Any, seen: dict[int, tuple]) -> Any:
    """Replaces the stand-ins of arrays and dtypes within `value` by the arrays and dtypes.

    Args:
      value: what the unpickler made; containers are changed in place.
      seen: {id: (value, its replacement)}, because pickles may hold cycles.
    """
    if id(value) in seen:
        return seen[id(value)][1]
    result = value
    if isinstance(value, (_Array, torch_files.Tensor)):
        if value.array is None:
            raise RefusedPickle("it holds an array without content")
        result = value.array
        if not isinstance(result, np.ndarray):
            result = finished(result, seen)
    elif isinstance(value, _Dtype):
        result = value.dtype
    elif isinstance(value, (_Function, type)):
        raise RefusedPickle("it holds a function or a class, only data expected")
    elif isinstance(value, tuple):
        result = tuple(finished(item, seen) for item in value)
    seen[id(value)] = value, result
    if isinstance(value, State):
        value = value.__dict__
    if isinstance(value, dict):
        for key in value:
            value[key] = finished(value[key], seen)
    elif isinstance(value, list):
        value[:] = [finished(item, seen) for item in value]
    return result
