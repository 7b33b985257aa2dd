"""Tabs that make faces: in 3D, and of an expression."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tf_facegan.demo import parts
from tf_facegan.demo.parts import gradio, said
from tf_facegan.outputs import Video

if TYPE_CHECKING:
    from tf_facegan.demo.models import Models
    from tf_facegan.demo.uploads import Limits


ANY = "any"
_WALK, _FPS = 48, 16.0
_SHOWN = 256  # pixels, the least side of what is shown


def faces_3d(models: Models, _: Limits) -> None:
    """3D faces that can be turned, with an expression, on the way from one to another (TBGAN)."""
    gr = gradio()
    network = parts.networks(models, "tbgan")
    with gr.Row():
        seed = parts.number("face", 0)
        other = parts.number("other face", 1)
        where = gr.Slider(0, 1, 0, step=0.05, label="from the one to the other")
        first = models.label_names(models.names("tbgan")[0])
        expression = gr.Dropdown([ANY, *first], value=ANY, label="expression")
    with gr.Row():
        make = gr.Button("Make", variant="primary", elem_id="make3d")
        walk = gr.Button("Walk from the one to the other", elem_id="walk")
    with gr.Row():
        grey = (0.93, 0.93, 0.93, 1.0)
        viewer = gr.Model3D(label="drag to turn", height=420, clear_color=grey, elem_id="viewer")
        texture = parts.picture("texture", "texture", 420)
        video = parts.video("walk", "walk-video", 420)

    @said
    def expressions(name):
        return gr.Dropdown([ANY, *models.label_names(name)], value=ANY)

    def between(pipeline, seed, other, shares, expression):
        ends = [pipeline(1, seed=int(end)) for end in (seed, other)]
        first, last = (end.latents[0] for end in ends)
        # A Gaussian's sample is about as long as any other: keep the length on the way.
        latents = np.stack([(1 - share) * first + share * last for share in shares])
        lengths = [np.linalg.norm(first), np.linalg.norm(last)]
        wanted = np.interp(shares, [0, 1], lengths)[:, None]
        latents *= wanted / np.maximum(np.linalg.norm(latents, axis=1, keepdims=True), 1e-6)
        label = pipeline.label(0 if expression == ANY else expression)
        labels = np.repeat(label[None], len(shares), axis=0)
        return pipeline.generate(latents.astype(np.float32), labels)

    @said
    def show(name, seed, other, where, expression):
        from tf_facegan.uv.glb import save_glb

        output = between(models.pipeline(name), seed, other, [where], expression)
        path = parts.new_file(".glb")
        save_glb(path, output.meshes[0])
        return str(path), _enlarged(np.asarray(output.pictures[0])[None])[0]

    @said
    def go(name, seed, other, expression):
        there = np.linspace(0, 1, _WALK // 2)
        shares = np.concatenate([there, there[::-1]])
        output = between(models.pipeline(name), seed, other, shares, expression)
        return _video([np.asarray(picture) for picture in output.pictures])

    network.change(expressions, network, expression)
    make.click(show, [network, seed, other, where, expression], [viewer, texture])
    walk.click(go, [network, seed, other, expression], video)


def samples(models: Models, _: Limits) -> None:
    """Faces of an expression, and their way to another one (conditional WGAN-GP)."""
    gr = gradio()
    from tf_facegan.sources.expressions import EXPRESSIONS

    network = parts.networks(models, "expression-cwgan")
    with gr.Row():
        expression = gr.Dropdown(list(EXPRESSIONS), value="Happiness", label="expression")
        count = gr.Slider(1, 32, 12, step=1, label="faces")
        seed = parts.number("seed")
        make = gr.Button("Make", variant="primary", elem_id="samples")
    gallery = gr.Gallery(label="faces", columns=6, height=360, interactive=False, elem_id="gallery")
    with gr.Row():
        other = gr.Dropdown(list(EXPRESSIONS), value="Surprise", label="to")
        move = gr.Button("Move from the one expression to the other", elem_id="move")
    video = parts.video("on the way", "move-video")

    @said
    def draw(name, expression, count, seed):
        return models.pipeline(name)(expression, int(count), seed=int(seed)).pictures

    @said
    def between(name, expression, other, seed):
        pipeline = models.pipeline(name)
        path = pipeline.interpolate(
            [expression, other, expression], _WALK // 2, count=4, seed=int(seed)
        )
        return _video([np.concatenate(list(faces), axis=1) for faces in path])

    make.click(draw, [network, expression, count, seed], gallery)
    move.click(between, [network, expression, other, seed], video)


def _video(frames):
    """Writes uint8 frames [H, W, 3] as a video; returns its path."""
    return str(Video(_enlarged(np.stack(frames)), _FPS).save(parts.new_file(".mp4")))


def _enlarged(images):
    """Enlarges small uint8 [N, H, W, 3] by a whole number."""
    zoom = max(1, -(-_SHOWN // images.shape[1]))
    return images.repeat(zoom, 1).repeat(zoom, 2)
