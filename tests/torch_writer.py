"""Writes files as `torch.save` does, without torch, in both containers."""

import io
import pickle
import struct
import zipfile

import numpy as np

from tf_facegan.torch_files import DTYPES

NAMES = {np.dtype(dtype): name for name, dtype in DTYPES.items()}


class Global:
    """What a pickle names: `module.name`."""

    def __init__(self, module, name):
        self.module, self.name = module, name


class View:
    """A tensor over a shared storage (a flat array), as `_rebuild_tensor_v2` takes it."""

    def __init__(self, storage, offset, shape, strides, rebuild="_rebuild_tensor_v2"):
        self.storage, self.rebuild = storage, rebuild
        self.args = (offset, tuple(shape), tuple(strides))


class Parameter:
    """A `torch.nn.Parameter` around an array."""

    def __init__(self, tensor):
        self.tensor = tensor


class Call:
    """Anything else that a pickle may call."""

    def __init__(self, module, name, *args):
        self.call = Global(module, name), args


class _Storage:
    def __init__(self, array):
        self.array = array


class _Pickler(pickle._Pickler):
    dispatch = dict(pickle._Pickler.dispatch)

    def __init__(self, file, container):
        super().__init__(file, 2)
        self.container, self.storages = container, []

    def persistent_id(self, obj):
        if not isinstance(obj, _Storage):
            return None
        places = [i for i, known in enumerate(self.storages) if known is obj.array]
        if not places:
            places = [len(self.storages)]
            self.storages.append(obj.array)
        kind = Global("torch", NAMES[obj.array.dtype])
        pid = ("storage", kind, str(places[0]), "cuda:0", obj.array.size)
        return pid if self.container == "zip" else (*pid, None)

    def save_reference(self, obj):
        self.write(b"c" + f"{obj.module}\n{obj.name}\n".encode())

    def save_call(self, obj):
        function, args = obj.call
        self.save(function)
        self.save(args)
        self.write(pickle.REDUCE)

    def save_view(self, obj):
        args = (_Storage(obj.storage), *obj.args)
        args += (False, {}) if obj.rebuild.endswith("v2") else ()
        self.save_call(Call("torch._utils", obj.rebuild, *args))

    def save_array(self, obj):
        obj = obj.copy("C")
        strides = np.asarray(obj.strides) // obj.itemsize
        self.save_view(View(obj.reshape(-1), 0, obj.shape, map(int, strides)))

    def save_parameter(self, obj):
        self.save_call(Call("torch._utils", "_rebuild_parameter", obj.tensor, True, {}))

    dispatch[Global] = save_reference
    dispatch[Call] = save_call
    dispatch[View] = save_view
    dispatch[np.ndarray] = save_array
    dispatch[Parameter] = save_parameter


def save(path, value, container="zip", byteorder="little"):
    """Writes a file.

    Args:
      path: the file.
      value: plain Python values, arrays, and the classes of this module.
      container: "zip" or "legacy".
      byteorder: what the file says of itself.
    """
    content = io.BytesIO()
    pickler = _Pickler(content, container)
    pickler.dump(value)
    storages = pickler.storages
    if container == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", content.getvalue())
            archive.writestr("archive/byteorder", byteorder)
            for key, array in enumerate(storages):
                archive.writestr(f"archive/data/{key}", array.tobytes())
        return path
    with open(path, "wb") as file:
        system = {"protocol_version": 1001, "little_endian": byteorder == "little"}
        for header in (0x1950A86A20F9469CFC6C, 1001, system):
            pickle.dump(header, file, 2)
        file.write(content.getvalue())
        pickle.dump([str(key) for key in range(len(storages))], file, 2)
        for array in storages:
            file.write(struct.pack("<q", array.size) + array.tobytes())
    return path
