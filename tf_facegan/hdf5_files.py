"""HDF5 files from elsewhere: what lies in them, and no more memory than they have bytes for.

A link or an array in an HDF5 file may stand for another file, and an array may be announced at any
size without a byte of it being there.
"""

from __future__ import annotations

import os

import h5py

_MAX_RATIO, _FREE_BYTES = 64, 64 << 20


def member(group: h5py.Group, name: str) -> h5py.Group | h5py.Dataset:
    """Returns the group or array of a name, which may be a path, out of a group.

    Raises:
      KeyError: there is none.
      ValueError: it lies in another file, or is far larger than the file.
    """
    for part in str(name).strip("/").split("/"):
        if not isinstance(group, h5py.Group):
            raise KeyError(name)
        link = group.get(part, getlink=True)
        if link is None:
            raise KeyError(f"no {name}")
        if not isinstance(link, h5py.HardLink):
            raise ValueError(f"{name} is a link to somewhere else")
        group = group[part]
    if isinstance(group, h5py.Dataset):
        _check(group, name)
    return group


def members(group: h5py.Group) -> dict[str, h5py.Group | h5py.Dataset]:
    """Returns {name: group or array}; errors as of `member`."""
    return {name: member(group, name) for name in group}


def check_members(group: h5py.Group) -> None:
    """Looks at everything below a group; for code that opens the file by itself afterwards.

    Raises:
      ValueError: as of `member`.
    """
    seen, found = set(), [group]
    while found:
        group = found.pop()
        if group in seen:  # a group may lie in itself
            continue
        seen.add(group)
        found += [item for item in members(group).values() if isinstance(item, h5py.Group)]


def _check(array, name):
    if array.external or array.is_virtual:
        raise ValueError(f"{name} lies in another file")
    size = os.path.getsize(array.file.filename)
    if array.size and array.nbytes > _MAX_RATIO * size + _FREE_BYTES:
        raise ValueError(f"{name} is announced with {array.nbytes} bytes in a file of {size}")
