"""Files matched by stem: the name of a file without folder and extension."""

from pathlib import Path


def files_by_stem(folder, suffixes):
    """Lists the files of a folder by stem.

    Args:
      folder: the folder; sub-folders and hidden files are left out.
      suffixes: tuple of lower-case extensions, e.g. (".png",); case does not matter in the files.

    Returns:
      {stem: pathlib.Path}, sorted by stem.

    Raises:
      FileNotFoundError: no such folder, or no such files in it.
      ValueError: two files with one stem.
    """
    folder = Path(folder)
    wanted = " or ".join(f"*{suffix}" for suffix in suffixes)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder; a folder of {wanted} files expected")
    found = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.suffix.lower() not in suffixes or path.is_dir():
            continue
        if path.stem in found:
            raise ValueError(f"{path}: a second file for {path.stem}, beside {found[path.stem]}")
        found[path.stem] = path
    if not found:
        raise FileNotFoundError(f"{folder}: no {wanted} files in it")
    return dict(sorted(found.items()))


def check_partners(folders, found):
    """Checks that every stem of one folder has its partner in all others.

    Args:
      folders: list of folders, for the message.
      found: list of {stem: path}, one for each folder.

    Raises:
      ValueError: names the folder and the stems that it lacks.
    """
    stems = set().union(*found)
    for folder, files in zip(folders, found):
        missing = sorted(stems - set(files))
        if missing:
            raise ValueError(
                f"{folder}: no file for {shortened(missing)}, which the other folders have"
            )


def shortened(names, shown=5):
    """Joins names for a message; of many, the first ones and how many there are."""
    names = list(names)
    if len(names) <= shown:
        return ", ".join(names)
    return f"{', '.join(names[:shown])}, … ({len(names)} in all)"
