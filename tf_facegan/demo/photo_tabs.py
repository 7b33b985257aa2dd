"""Tabs that take photos: action units, recognition and transfer, reenactment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from tf_facegan.demo import parts, uploads
from tf_facegan.demo.parts import gradio, required, said
from tf_facegan.rdgan.retarget import MODES
from tf_facegan.sources.action_units import AUS, INTENSITY_RANGE, NAMES
from tf_facegan.sources.expressions import EXPRESSIONS, typical_aus

if TYPE_CHECKING:
    from tf_facegan.demo.models import Models
    from tf_facegan.demo.uploads import Limits


_COLUMNS = 3


def action_units(models: Models, limits: Limits) -> None:
    """Edits a photo by the intensities of its action units (GANimation)."""
    gr = gradio()
    network = parts.networks(models, "ganimation")
    with gr.Row():
        photo = parts.photo(limits, "photo", "au-photo")
        edited = parts.picture("edited", "edited")
        mask = parts.picture("attention: white stays", "attention")
    with gr.Row():
        preset = gr.Dropdown(list(EXPRESSIONS), value=None, label="expression", elem_id="preset")
        strength = gr.Slider(0, 1, 1, step=0.05, label="strength")
        read = gr.Button("Read from the photo")
        edit = gr.Button("Edit", variant="primary", elem_id="edit")
    sliders = []
    with gr.Row():
        for column in range(_COLUMNS):
            with gr.Column(min_width=200):
                for name in AUS[column::_COLUMNS]:
                    unit = name.removesuffix("_r")
                    label = f"{unit} {NAMES[name]}"
                    slider = gr.Slider(*INTENSITY_RANGE, 0, step=0.1, label=label, elem_id=unit)
                    sliders.append((name, slider))
    sliders = [slider for _, slider in sorted(sliders, key=lambda pair: AUS.index(pair[0]))]

    def set_preset(expression):
        return [round(float(value), 1) for value in typical_aus(expression or "Neutral")]

    @said
    def read_photo(name, path):
        pipeline = models.pipeline(name)
        _, _, faces = pipeline.find_faces(required(path, "a photo"))
        own = dict(zip(pipeline.au_names, pipeline.read_aus(faces)[0]))
        return [round(float(own.get(au, 0)), 1) for au in AUS]

    @said
    def edit_photo(name, path, strength, *values):
        pipeline = models.pipeline(name)
        wanted = dict(zip(AUS, values))
        aus = np.array([wanted[au] for au in pipeline.au_names], np.float32)
        made = pipeline(required(path, "a photo"), aus=aus, strength=strength).edits[0]
        shown = np.uint8(255 * made.faces.attention[0, ..., 0])
        return made.image, Image.fromarray(shown).resize((256, 256), Image.Resampling.BILINEAR)

    preset.change(set_preset, preset, sliders)
    read.click(read_photo, [network, photo], sliders)
    edit.click(edit_photo, [network, photo, strength, *sliders], [edited, mask])


def recognition(models: Models, limits: Limits) -> None:
    """Says which expression a photo shows (TDGAN, VGG16), and gives it to another face (TDGAN)."""
    gr = gradio()
    network = parts.networks(models, "tdgan", "expression-vgg16")
    with gr.Row():
        photo = parts.photo(limits, "photo", "rec-photo")
        bars = gr.Label(label="expression", elem_id="bars")
    recognise = gr.Button("Recognise", variant="primary", elem_id="recognise")

    @said
    def say(name, path):
        found = models.pipeline(name)(required(path, "a photo"))
        return dict(zip(found.names, map(float, found.probabilities[0])))

    recognise.click(say, [network, photo], bars)
    gr.Markdown("### The expression of one photo on the face of another")
    if not models.names("tdgan"):
        gr.Markdown(_how_to("tdgan"))
        return
    transferring = parts.networks(models, "tdgan")
    with gr.Row():
        face = parts.photo(limits, "face", "face")
        expression = parts.photo(limits, "expression", "expression")
        result = parts.picture("result", "transferred")
    with gr.Row():
        seed = parts.number("seed")
        transfer = gr.Button("Transfer", variant="primary", elem_id="transfer")

    @said
    def give(name, face, expression, seed):
        face, expression = required(face, "a face"), required(expression, "an expression")
        picture = models.pipeline(name)(face, expression, seed=int(seed)).pictures[0]
        return picture.resize((256, 256), Image.Resampling.BICUBIC)

    transfer.click(give, [transferring, face, expression, seed], result)


def reenactment(models: Models, limits: Limits) -> None:
    """Moves a photo by a video (RD-GAN by landmarks, GANimation by action units)."""
    gr = gradio()
    network = parts.networks(models, "rdgan", "ganimation", elem_id="driven")
    kinds = list((*uploads.VIDEOS, *uploads.LANDMARKS))
    with gr.Row():
        photo = parts.photo(limits, "photo, neutral", "re-photo")
        drive = gr.File(
            label=f"driving video ({', '.join(kinds)})",
            file_types=kinds,
            height=300,
            elem_id="drive",
        )
        video = parts.video("result", "moving")
    with gr.Row():
        points = gr.File(
            label="landmarks of the photo (else they are found, which needs the extra [landmarks])",
            file_types=list(uploads.POINTS),
            elem_id="points",
        )
        retarget = gr.Dropdown(
            list(MODES), value=MODES[0], label="the drive's motion, shape, or none"
        )
        animate = gr.Button("Animate", variant="primary", elem_id="animate")

    @said
    def move(name, path, drive, points, retarget):
        from tf_facegan.sources import landmarks

        path, drive = required(path, "a photo"), required(drive, "a driving video")
        limits.check_drive(drive)
        options = {}
        if models.system(required(name, "a network")) == "rdgan":
            options = {"retarget": retarget}
            if points:
                limits.check_size(points)
                options["points"] = landmarks.read_points(points)
        made = models.pipeline(name)(path, drive=drive, **options)
        return str(made.video.save(parts.new_file(".mp4")))

    animate.click(move, [network, photo, drive, points, retarget], video)


def _how_to(*systems):
    from tf_facegan.demo.models import how_to

    return how_to(*systems)
