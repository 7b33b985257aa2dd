"""Sequences of faces in the layouts of CK+ and MMI."""

import numpy as np

from tests.sources import tool

ANGER, CONTEMPT, SURPRISE = 1, 2, 7  # as CK+ counts


def points(seed=0):
    """68 points within a picture of 60x50 pixels."""
    return np.random.RandomState(seed).uniform([8, 6], [52, 44], (68, 2)).astype(np.float32)


def write_points(path, seed=0, shift=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"   {x:.7e}   {y:.7e}\n" for x, y in points(seed) + shift))


def write_ck(folder, sequences, flat=False):
    """Writes CK+.

    Args:
      folder: where.
      sequences: {"S005/001": (number of frames, emotion or None)}.
      flat: all files in one folder, else CK+'s own.
    """

    def place(kind, name, file):
        return folder / "original" / file if flat else folder / kind / name / file

    for name, (count, emotion) in sequences.items():
        for number in range(1, count + 1):
            key = f"{name.replace('/', '_')}_{number:08d}"
            mode = "L" if number % 2 else "RGB"  # CK+ has both
            tool.write_image(place("cohn-kanade-images", name, f"{key}.png"), number, 60, 50, mode)
            write_points(place("Landmarks", name, f"{key}_landmarks.txt"), number)
        if emotion is not None:
            file = place("Emotion", name, f"{key}_emotion.txt")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"   {emotion:.7e}\n")
    return folder
