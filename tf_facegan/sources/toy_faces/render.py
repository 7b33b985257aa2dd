"""Pictures of toy faces."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from tf_facegan.config import check_least
from tf_facegan.sources.toy_faces import geometry, hair, muscles
from tf_facegan.sources.toy_faces.drawing import Painter, ellipse, spline
from tf_facegan.sources.toy_faces.features import draw_features
from tf_facegan.sources.toy_faces.shading import Shading, light_colour
from tf_facegan.sources.toy_faces.skin import draw_wrinkles, skin_image

if TYPE_CHECKING:
    from tf_facegan.sources.toy_faces.identity import Identity
    from tf_facegan.sources.toy_faces.scene import Scene


BACKGROUND, SKIN, HAIR, OTHER = range(4)
REGIONS = ("background", "skin", "hair", "other")
"""Names of the values of `Face.regions`; "other" is clothes."""

MINIMUM_SIZE = 8


@dataclasses.dataclass(frozen=True)
class Face:
    """A picture of a face and what is known about it.

    Attributes:
      image: uint8 [S, S, 3], RGB.
      landmarks: float32 [68, 2], (x, y) in pixels, pixel centres at integers, in the iBUG order.
      regions: uint8 [S, S], see REGIONS.
    """

    image: np.ndarray
    landmarks: np.ndarray
    regions: np.ndarray


def landmarks(identity: Identity, aus: np.ndarray, scene: Scene, resolution: int) -> np.ndarray:
    """The landmarks of `render` without the picture: float32 [68, 2]."""
    points = geometry.landmarks(identity, aus)
    return geometry.Camera(scene, resolution).pixels(points).astype(np.float32)


def render(identity: Identity, aus: np.ndarray, scene: Scene, resolution: int) -> Face:
    """Draws a face.

    Args:
      identity: Identity.
      aus: float [17], intensities from 0 to 5 in the order of `action_units.AUS`.
      scene: Scene.
      resolution: int, side of the square picture in pixels, at least 8.

    Returns:
      Face.

    Raises:
      ValueError: wrong action units, or a resolution that is too small.
    """
    check_least("resolution", resolution, MINIMUM_SIZE)
    strength = muscles.strengths(aus)
    points = geometry.landmarks(identity, aus)
    camera = geometry.Camera(scene, resolution)
    marks = camera.pixels(points)
    shading = Shading(camera, identity, points, strength)
    hair_colours = hair.hair_image(identity, camera, shading)
    canvas = _Canvas(hair.background_image(scene, resolution) * light_colour(scene), camera)
    canvas.lay(hair.behind_face(identity), hair_colours * 0.62, HAIR)
    _lay_neck(canvas, identity, points, marks, scene)
    skin = _lit_skin(camera, identity, points, strength, shading)
    canvas.lay_pixels(hair.ears(camera, identity), skin * np.float32(0.88), SKIN)
    seen = canvas.lay_pixels([_face_outline(camera, identity, marks)], skin, SKIN)
    fringe = hair.front(identity)
    if seen is not None and fringe is not None:
        shadow = camera.pixels(hair.flat(fringe + (0.0, 0.05)))
        canvas.painter.darken([shadow], (0.7, 0.62, 0.6), 0.05 * camera.scale, within=seen)
    canvas.lay(fringe, hair_colours, HAIR)
    return Face(_developed(canvas.painter.image), marks.astype(np.float32), canvas.regions)


def _developed(image):
    """Compresses highlights, as a camera does: uint8."""
    image = image / (1.0 + 0.6 * np.maximum(image - np.float32(0.7), 0.0))
    return np.rint(np.clip(image, 0.0, 1.0) * np.float32(255.0)).astype(np.uint8)


class _Canvas:
    """Layers one over the other, and the region each pixel belongs to."""

    def __init__(self, background, camera):
        self.camera = camera
        self.painter = Painter(background)
        self.regions = np.zeros(background.shape[:2], np.uint8)

    def lay(self, polygon, colour, region):
        """Lays a polygon of face coordinates [N, 2] at depth 0, or nothing for None."""
        if polygon is None:
            return None
        return self.lay_pixels([self.camera.pixels(hair.flat(polygon))], colour, region)

    def lay_pixels(self, polygons, colour, region):
        """Lays polygons; returns what `Painter.fill` does."""
        found = self.painter.fill(polygons, colour, 1.0, 0.008 * self.camera.scale)
        if found is not None:
            (top, bottom, left, right), mask = found
            self.regions[top:bottom, left:right][mask[:, :, 0] >= 0.5] = region
        return found


def _face_outline(camera, identity, marks):
    skull = camera.pixels(hair.flat(hair.skull_outline(identity), -0.05))
    return spline(np.concatenate([marks[:17], skull[::-1]]), closed=True, steps=5)


def _lit_skin(camera, identity, points, strength, shading):
    painter = Painter(skin_image(identity, shading.surface))
    draw_wrinkles(painter, camera, identity, points, strength)
    draw_features(painter, camera, identity, points, strength)
    return painter.image * shading.light + shading.gloss


def _lay_neck(canvas, identity, points, marks, scene):
    light = light_colour(scene)
    skin = identity.skin_colour * light * 0.74
    seen = canvas.lay(hair.neck(identity, points[8, 1]), skin, SKIN)
    if seen is not None:
        scale = canvas.camera.scale
        shadow = ellipse(marks[8] - (0, 0.35 * scale), np.array((0.75, 0.6)) * scale)
        canvas.painter.darken([shadow], (0.6, 0.52, 0.5), 0.1 * scale, within=seen)
    cloth = np.array(scene.clothes, np.float32) * light
    canvas.lay(hair.clothes(identity), cloth, OTHER)
