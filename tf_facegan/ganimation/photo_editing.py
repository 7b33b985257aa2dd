"""What a GANimation pipeline does with photos: faces found, edited and put back.

Action units (AUs) are intensities from 0 to 5 here, as OpenFace writes them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tf_facegan.ganimation import targets
from tf_facegan.ganimation.outputs import Edit, Output
from tf_facegan.sources import faces
from tf_facegan.sources.photos import AUTO, crop_options, describe, read_photo
from tf_facegan.utilities.images import to_uint8

BATCH = 8  # faces that go through the network together


class PhotoEditing:
    """The verbs on photos, for a pipeline of faces.

    It gives `generate` and `read_aus`, and has the attributes D (None: no critic), au_names,
    image_size and crop_options; see `inference.GANimationPipeline`.
    """

    def find_faces(
        self, photo: Any, crop: str | faces.CropOptions = AUTO, every: bool = False
    ) -> tuple[np.ndarray, list[faces.Crop], np.ndarray]:
        """Finds what to edit in a photo.

        Args:
          photo: file or uint8 [H, W, 3].
          crop: AUTO, a photo of the size that the network sees is one face, in others faces are
            searched; or `faces.CropOptions`.
          every: all faces instead of the preferred one.

        Returns:
          (photo, uint8 [H, W, 3]; list of `faces.Crop`; faces, uint8 [N, S, S, 3]).

        Raises:
          ValueError, FileNotFoundError: not a photo, no face in it.
        """
        source, photo, size = describe(photo), read_photo(photo), self.image_size
        crop = crop_options(photo, size, crop, self.crop_options)
        crops = faces.find_crops(photo, crop, size, source) if every else []
        crops = crops or [faces.find_crop(photo, crop, size, source)]
        return photo, crops, np.stack([faces.cut(photo, found) for found in crops])

    def edit(
        self,
        photo: Any,
        aus: Mapping[str, float] | np.ndarray | None = None,
        expression: str | None = None,
        like: Any = None,
        strength: float = 1.0,
        crop: str | faces.CropOptions = AUTO,
        every: bool = False,
    ) -> Edit:
        """Edits the expression of a photo.

        Args:
          photo: file or uint8 [H, W, 3].
          aus: {AU: intensity from 0 to 5} ("AU12": 3), or all of them, float [c_dim].
          expression: "happiness", ...; see `sources.expressions`.
          like: another photo, whose AUs are taken.
          strength: from 0, the photo's own AUs, to 1, those asked for.
          crop, every: as of `find_faces`.

        Returns:
          `Edit`. AUs that are not asked for stay those that the critic reads in the photo; without
          a critic they are 0.

        Raises:
          ValueError, FileNotFoundError: not a photo, no face in it, AUs that are not known.
        """
        model = None if like is None else self.read_aus(self.find_faces(like, crop)[2])[0]
        photo, crops, found = self.find_faces(photo, crop, every)
        wanted = [
            targets.target(self.au_names, own, aus, expression, model, strength)
            for own in self._own_aus(found)
        ]
        made = self.generate(found, np.stack(wanted))
        return Edit(self.paste(photo, crops, made), crops, found, made)

    def paste(self, photo: np.ndarray, crops: Sequence[faces.Crop], made: Output) -> np.ndarray:
        """Puts edited faces into their photo, blended by the attention masks: uint8 [H, W, 3]."""
        for place, crop in enumerate(crops):
            color = 127.5 * (made.color[place] + 1)
            photo = faces.paste_back(photo, color, crop, 1 - made.attention[place, ..., 0])
        return photo

    def animate(
        self, photos: Sequence, aus: np.ndarray, crop: str | faces.CropOptions = AUTO
    ) -> Iterator[list[np.ndarray]]:
        """Moves the faces of photos by a sequence of AUs.

        Args:
          photos: list of files or uint8 [H, W, 3].
          aus: float [T, c_dim], 0 to 5.
          crop: as of `find_faces`; a photo's crop is the same in all its frames.

        Yields:
          T lists of uint8 [H, W, 3], one for each photo.

        Raises:
          ValueError, FileNotFoundError: as `edit`.
        """
        found = [self.find_faces(photo, crop) for photo in photos]
        aus = np.asarray(aus, np.float32)
        for start in range(0, len(aus), BATCH):
            part = aus[start : start + BATCH]
            made = [self.generate(np.repeat(face, len(part), axis=0), part) for _, _, face in found]
            for frame in range(len(part)):
                yield [
                    self.paste(photo, crops, _only(output, frame))
                    for (photo, crops, _), output in zip(found, made)
                ]

    def sweep(
        self,
        photo: Any,
        names: Sequence[str],
        intensities: Sequence[float] | np.ndarray,
        crop: str | faces.CropOptions = AUTO,
    ) -> np.ndarray:
        """Shows a face with one AU after the other at rising intensity.

        Args:
          photo: file or uint8 [H, W, 3].
          names: AUs ("AU12"), a row each.
          intensities: floats from 0 to 5, a column each.
          crop: as of `find_faces`.

        Returns:
          uint8 [rows, columns, S, S, 3].
        """
        _, _, face = self.find_faces(photo, crop)
        (own,) = self._own_aus(face)
        wanted = [
            [targets.target(self.au_names, own, {name: value}) for value in intensities]
            for name in names
        ]
        wanted = np.asarray(wanted, np.float32)
        rows, columns = wanted.shape[:2]
        flat = wanted.reshape(rows * columns, -1)
        made = self.generate(np.repeat(face, len(flat), axis=0), flat)
        images = to_uint8(made.images, (-1, 1))
        return images.reshape(rows, columns, *images.shape[1:])

    def _own_aus(self, images):
        if self.D is None:
            return np.zeros((len(images), len(self.au_names)), np.float32)
        return self.read_aus(images)


def _only(output, place):
    values = (getattr(output, field.name) for field in dataclasses.fields(output))
    return Output(*(value[place : place + 1] for value in values))
