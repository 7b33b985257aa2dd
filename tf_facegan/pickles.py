"""The only unpickler: reads data from pickles of unknown origin, and runs nothing of them.

A pickle is a program that may call whatever it can name. Here it can name only the rows of
`_GLOBALS`, and none of these is the real thing: each is a stand-in that takes data apart with its
own checks. In particular numpy's own reconstruction is not used, because `dtype.__setstate__`
believes what it is told and can be made to read raw bytes as object pointers. What is handed out
cannot be changed by the pickle either, so one file cannot prepare the ground for the next.
"""

import collections
import pickle
import re
import struct
import zipfile
from pathlib import Path

import numpy as np

from tf_facegan import torch_files

_PLAIN_DTYPE = re.compile(r"[<>=|]?([?]|[biufcSU]\d+)")
_OBJECT_DTYPE = re.compile(r"[|]?O8?")
_UNREADABLE = (
    pickle.UnpicklingError,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,  # includes UnicodeDecodeError
    struct.error,
)
_UNREADABLE_TORCH = (*_UNREADABLE, OSError, RuntimeError, zipfile.BadZipFile)


class RefusedPickle(ValueError):
    """A pickle that asks for more than data."""


def load(path):
    """Reads a pickle of protocol 0 to 5; strings of Python 2 are read as latin-1.

    Args:
      path: the file.

    Returns:
      Plain Python values and numpy arrays (read-only: they share the file's bytes); objects of the
      known classes (menpo's containers) are `State`s.

    Raises:
      ValueError: a pickle that names anything but known data classes (the name is in the message;
        nothing of it has run), or a file that is truncated or no pickle.
      OSError: the file cannot be opened.
    """
    path = Path(path)
    with open(path, "rb") as file:
        return _load(file, path)


def _load(file, path, unpickler=None):
    try:
        return _finished((unpickler or _Unpickler)(file, encoding="latin1").load(), {})
    except RefusedPickle as error:
        raise ValueError(f"{path}: refused, {error}") from None
    except _UNREADABLE as error:
        detail = str(error) or type(error).__name__
        raise ValueError(f"{path}: not a readable pickle ({detail})") from None


def load_array(path):
    """Reads one array from a `.npy` file or a pickle (an array, or a menpo image's pixels).

    Args:
      path: the file.

    Returns:
      numpy.ndarray as it was stored; read-only if it comes from a pickle.

    Raises:
      ValueError: as `load`, or the file holds something else than an array.
      OSError: the file cannot be opened.
    """
    path = Path(path)
    if path.suffix == ".npy":
        try:
            return np.load(path, allow_pickle=False)
        except (ValueError, EOFError) as error:
            raise ValueError(f"{path}: not a readable .npy file ({error})") from None
    value = load(path)
    if isinstance(value, State):
        value = getattr(value, "pixels", value)
    if not isinstance(value, np.ndarray):
        raise ValueError(f"{path}: holds a {type(value).__name__}, an array expected")
    return value


def load_objects(path):
    """Reads what `np.save` wrote of something else than an array, a dictionary for example.

    Args:
      path: a `.npy` file that holds one object, or a list of them.

    Returns:
      The object, or the list, as from `load`.

    Raises:
      ValueError: as `load`, or the file holds an array of plain values or is no `.npy` file.
      OSError: the file cannot be opened.
    """
    path = Path(path)
    with open(path, "rb") as file:
        try:
            version = np.lib.format.read_magic(file)
            read_header = getattr(np.lib.format, f"read_array_header_{version[0]}_{version[1]}")
            _, _, dtype = read_header(file)
        except (ValueError, AttributeError) as error:
            raise ValueError(f"{path}: not a readable .npy file ({error})") from None
        if dtype.kind != "O":
            raise ValueError(f"{path}: holds an array of {dtype}, an object expected")
        return _load(file, path, _ObjectUnpickler)


def load_torch(path):
    """Reads what `torch.save` wrote, without torch: the zip container and the one before 1.6.

    Args:
      path: the file.

    Returns:
      Plain Python values with a numpy array for every tensor, where it was saved from left out;
      arrays are read-only, and tensors that shared memory still do.

    Raises:
      ValueError: a file that names anything but data (a pickled module, for example; nothing of it
        has run), or one that is truncated or not written by `torch.save`.
      OSError: the file cannot be opened.
    """
    path = Path(path)
    with open(path, "rb") as file:
        try:
            return _finished(torch_files.read(file, _load_torch_pickle), {})
        except RefusedPickle as error:
            raise ValueError(f"{path}: refused, {error}") from None
        except _UNREADABLE_TORCH as error:
            detail = str(error) or type(error).__name__
            raise ValueError(f"{path}: not a readable torch file ({detail})") from None


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
_GLOBALS = {**dict(_numpy_globals()), **dict(_python_globals()), **dict(_state_globals())}


def _torch_globals():
    for name in ("_rebuild_tensor", "_rebuild_tensor_v2"):
        yield ("torch._utils", name), _Function(torch_files.rebuild_tensor)
    yield ("torch._utils", "_rebuild_parameter"), _Function(torch_files.rebuild_parameter)
    for name in torch_files.DTYPES:
        yield ("torch", name), name


_TORCH_GLOBALS = {**_GLOBALS, **dict(_torch_globals())}


class _Unpickler(pickle._Unpickler):
    """Python's own reader in Python: the one in C takes gigabytes for a damaged length or index."""

    dispatch = dict(pickle._Unpickler.dispatch)
    known = _GLOBALS

    def find_class(self, module, name):
        if (module, name) not in self.known:
            raise RefusedPickle(f"it asks for {module}.{name}, which is not data")
        return self.known[module, name]

    def persistent_load(self, pid):
        raise RefusedPickle("it refers to data outside the file")

    def load_bytearray8(self):
        # Allocates what is there, not what is announced.
        (length,) = struct.unpack("<Q", self.read(8))
        self.append(bytearray(self.read(length)))

    dispatch[pickle.BYTEARRAY8[0]] = load_bytearray8


class _ObjectUnpickler(_Unpickler):
    """Reads a pickle that may hold arrays of objects."""

    known = {**_GLOBALS, ("numpy", "dtype"): _AnyDtype}


class _TorchUnpickler(_Unpickler):
    """Reads a pickle within a torch file, which refers to storages beside it."""

    known = _TORCH_GLOBALS


def _load_torch_pickle(file, refer):
    unpickler = _TorchUnpickler(file, encoding="latin1")
    unpickler.persistent_load = refer
    return unpickler.load()


def _finished(value, seen):
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
            result = _finished(result, seen)
    elif isinstance(value, _Dtype):
        result = value.dtype
    elif isinstance(value, (_Function, type)):
        raise RefusedPickle("it holds a function or a class, only data expected")
    elif isinstance(value, tuple):
        result = tuple(_finished(item, seen) for item in value)
    seen[id(value)] = value, result
    if isinstance(value, State):
        value = value.__dict__
    if isinstance(value, dict):
        for key in value:
            value[key] = _finished(value[key], seen)
    elif isinstance(value, list):
        value[:] = [_finished(item, seen) for item in value]
    return result
