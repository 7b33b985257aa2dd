"""Untrained tiny runs of every system, and how their pipelines are called: for contract tests."""

import numpy as np

from tests import tiny as tbgan
from tests.expression import tiny as expression
from tests.ganimation import tiny as ganimation
from tests.rdgan import tiny as rdgan
from tests.sources import sequences as drawn
from tests.tdgan import tiny as tdgan
from tf_facegan.engine import run_folder
from tf_facegan.engine.devices import make_strategy
from tf_facegan.uv.layout import UVLayout


def trainer_of(system, folder):
    """A trainer of a system, with a tiny set in a folder."""
    strategy = make_strategy(1)
    if system == "tbgan":
        from tf_facegan.tbgan.trainer import Trainer

        return Trainer(tbgan.config_for(tbgan.write_faces(folder / "faces")), strategy)
    if system == "ganimation":
        from tf_facegan.ganimation.trainer import Trainer

        return Trainer(ganimation.config_for(ganimation.write_faces(folder / "faces")), strategy)
    if system == "rdgan":
        from tf_facegan.rdgan.trainer import Trainer

        return Trainer(rdgan.config_for(rdgan.write_sequences(folder / "faces")), strategy)
    if system == "tdgan":
        from tf_facegan.tdgan.trainer import Trainer

        return Trainer(tdgan.config_for(tdgan.write_sets(folder)), strategy)
    faces = expression.write_faces(folder / "faces")
    return expression.trainer_for(system.removeprefix("expression-"), strategy, faces)


def make_run(system, folder):
    """Makes the run of a system in a new folder, and returns its path."""
    folder.mkdir()
    trainer = trainer_of(system, folder)
    run = run_folder.create(folder / "results", system)
    run.save_config(trainer.config)
    trainer.prepare_run(run)
    networks = trainer.networks()
    random = np.random.RandomState(1)
    for arrays in networks.values():  # so that pictures are not all grey
        for name, values in arrays.items():
            if values.ndim >= 2:
                arrays[name] = values + random.normal(0, 0.1, values.shape).astype(values.dtype)
    run.save_snapshot(run_folder.FINAL_SNAPSHOT, networks)
    if system == "tbgan":
        corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
        triangles = np.array([[0, 1, 2], [1, 3, 2]])
        layout = UVLayout.from_tcoords(8, corners, triangles, np.ones((8, 8)), 1.0, np.zeros(3))
        layout.save(run.path / "uv_layout.npz")
    return run.path


SIDES = {"ganimation": ganimation.SIDE, "rdgan": 60, "tdgan": tdgan.CROPPED_FROM}


def photos(system, count=3):
    """Random photos of the size that the system's networks see."""
    side = SIDES.get(system, expression.SIDE)
    random = np.random.RandomState(7)
    return list(random.randint(0, 256, (count, side, side, 3)).astype(np.uint8))


def driven(count):
    """Landmarks of `count` photos, and of frames that drive them."""
    drive = [drawn.points(0), None, drawn.points(1)]
    return {"drive": drive, "points": [drawn.points(0)] * count}


def call(system, pipeline, count=3, seed=0):
    """Calls a pipeline for some faces; returns its output."""
    if system == "tbgan":
        return pipeline(count, labels=np.full((count, 7), 1 / 7, np.float32), seed=seed)
    if system == "expression-cwgan":
        return pipeline("Fear", count, seed=seed)
    given = photos(system)[:count]
    if system == "ganimation":
        return pipeline(given, expression="happiness", seed=seed)
    if system == "rdgan":
        return pipeline(given, **driven(count), seed=seed)
    if system == "tdgan":
        return pipeline(given, expressions=photos(system)[-1], seed=seed)
    return pipeline(given, seed=seed)


def one_by_one(system, pipeline, count=3, seed=0):
    """The same faces as of `call`, alone: list of what `values` gives."""
    if system == "tbgan":
        whole = call(system, pipeline, count, seed)
        pairs = zip(whole.latents, whole.labels)
        return [values(pipeline.generate(z[None], label[None])) for z, label in pairs]
    if system == "expression-cwgan":
        whole = call(system, pipeline, count, seed)
        pairs = zip(whole.noise, whole.condition)
        return [values(pipeline.generate(z[None], c[None])) for z, c in pairs]
    if system == "ganimation":
        outputs = (pipeline(x, expression="happiness", seed=seed) for x in photos(system)[:count])
    elif system == "rdgan":
        outputs = (pipeline(x, **driven(1), seed=seed) for x in photos(system)[:count])
    elif system == "tdgan":
        outputs = (pipeline(x, photos(system)[-1], seed=seed) for x in photos(system)[:count])
    else:
        outputs = (pipeline(x, seed=seed) for x in photos(system)[:count])
    return [values(output) for output in outputs]


def values(output):
    """The numbers of an output, float64 [N, ...]."""
    found = getattr(output, "probabilities", None)
    return np.asarray(output.images if found is None else found, np.float64)
