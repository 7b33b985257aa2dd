"""The registry of systems: name -> where its parts are. Imports nothing heavy."""

from __future__ import annotations

import dataclasses
import importlib
from types import ModuleType
from typing import Any

from tf_facegan.config import nearest


@dataclasses.dataclass(frozen=True)
class System:
    """Where the parts of a system live, as "module:attribute"; `part` imports one.

    Attributes:
      name: str.
      config: the configuration class.
      trainer: what `engine/loop.py` drives.
      roles: names of the sets in `data.sets` that training needs; `--dataset DIR` gives the first.
      optional_roles: names of those it can do without.
      train: function of (configuration, result folder, run to resume or None) that carries out a
        training.
      pipeline: the inference class; None where there is none.
      estimate: function of a configuration that returns lines on the memory a device needs; None
        where there is none.
      utilities: names of the utility runs it takes.
      foreign_run: function of a folder that returns a `RunFolder` of networks published in another
        form, or None; absent where no such form is read in place.
    """

    name: str
    config: str
    trainer: str
    roles: tuple
    optional_roles: tuple = ()
    train: str = "tf_facegan.engine.training:train"
    pipeline: str | None = None
    estimate: str | None = None
    utilities: tuple = ()
    foreign_run: str | None = None

    def part(self, role: str) -> Any:
        """Imports and returns the part ("config", "trainer", "pipeline", …)."""
        return _resolve(getattr(self, role))


SYSTEMS = {
    system.name: system
    for system in (
        System(
            name="tbgan",
            config="tf_facegan.tbgan.config:Config",
            trainer="tf_facegan.tbgan.trainer:Trainer",
            roles=("faces",),
            pipeline="tf_facegan.tbgan.inference:TBGANPipeline",
            estimate="tf_facegan.tbgan.estimate:memory_lines",
            utilities=(
                "evaluate_metrics",
                "find_nearest_reals",
                "fit_real_images",
                "generate_expressions",
                "generate_fake_images",
                "generate_fake_images_glob",
                "generate_interpolation_images",
                "generate_interpolation_video",
                "generate_interpolation_video_bydim",
                "generate_textured_meshes",
                "generate_training_video",
            ),
            foreign_run="tf_facegan.tbgan.published:open_run",
        ),
        System(
            name="ganimation",
            config="tf_facegan.ganimation.config:Config",
            trainer="tf_facegan.ganimation.trainer:Trainer",
            roles=("faces",),
            pipeline="tf_facegan.ganimation.inference:GANimationPipeline",
            utilities=("evaluate_editing",),
        ),
        System(
            name="rdgan",
            config="tf_facegan.rdgan.config:Config",
            trainer="tf_facegan.rdgan.trainer:Trainer",
            roles=("faces",),
            pipeline="tf_facegan.rdgan.inference:RDGANPipeline",
        ),
        System(
            name="expression-autoencoder",
            config="tf_facegan.expression.config:AutoencoderConfig",
            trainer="tf_facegan.expression.autoencoder_trainer:AutoencoderTrainer",
            roles=("faces",),
            optional_roles=("test",),
            pipeline="tf_facegan.expression.inference:AutoencoderPipeline",
            utilities=("build_representations",),
        ),
        System(
            name="expression-cwgan",
            config="tf_facegan.expression.config:CWGANConfig",
            trainer="tf_facegan.expression.cwgan_trainer:CWGANTrainer",
            roles=("faces",),
            pipeline="tf_facegan.expression.inference:GeneratorPipeline",
            utilities=("evaluate_expressions",),
        ),
        System(
            name="expression-vgg16",
            config="tf_facegan.expression.config:ClassifierConfig",
            trainer="tf_facegan.expression.classifier_trainer:ClassifierTrainer",
            roles=("faces",),
            optional_roles=("test",),
            pipeline="tf_facegan.expression.inference:ClassifierPipeline",
        ),
        System(
            name="tdgan",
            config="tf_facegan.tdgan.config:Config",
            trainer="tf_facegan.tdgan.trainer:Trainer",
            roles=("faces", "expressions"),
            optional_roles=("test",),
            train="tf_facegan.tdgan.cross_validation:train",
            pipeline="tf_facegan.tdgan.inference:TDGANPipeline",
        ),
    )
}

# A utility module holds `Options` (a configuration), `describe(run_number)` and
# `run(pipeline, folder, options)`; with `TAKES_RUN` it is `run(run_folder, folder, options,
# snapshot=None)`, the last being the kimg of a network snapshot.
UTILITIES = {
    "build_representations": "tf_facegan.utilities.build_representations",
    "evaluate_editing": "tf_facegan.utilities.evaluate_editing",
    "evaluate_expressions": "tf_facegan.utilities.evaluate_expressions",
    "evaluate_metrics": "tf_facegan.utilities.evaluate_metrics",
    "find_nearest_reals": "tf_facegan.utilities.nearest_reals",
    "fit_real_images": "tf_facegan.utilities.fit_real_images",
    "generate_expressions": "tf_facegan.utilities.expressions",
    "generate_fake_images": "tf_facegan.utilities.fake_images",
    "generate_fake_images_glob": "tf_facegan.utilities.fake_images_glob",
    "generate_interpolation_images": "tf_facegan.utilities.interpolation_images",
    "generate_interpolation_video": "tf_facegan.utilities.interpolation_video",
    "generate_interpolation_video_bydim": "tf_facegan.utilities.interpolation_video_bydim",
    "generate_textured_meshes": "tf_facegan.utilities.textured_meshes",
    "generate_training_video": "tf_facegan.utilities.training_video",
}


def get(name: str) -> System:
    """Returns the `System` called `name`; ValueError names the known ones."""
    if name not in SYSTEMS:
        known = ", ".join(sorted(SYSTEMS))
        raise ValueError(f"unknown system {name!r}{nearest(name, SYSTEMS)}; known: {known}")
    return SYSTEMS[name]


def utility(name: str) -> ModuleType:
    """Imports and returns the module of a utility run; ValueError names the known ones."""
    if name not in UTILITIES:
        known = ", ".join(sorted(UTILITIES))
        raise ValueError(f"unknown utility {name!r}{nearest(name, UTILITIES)}; known: {known}")
    return importlib.import_module(UTILITIES[name])


def _resolve(reference):
    module, attribute = reference.split(":")
    return getattr(importlib.import_module(module), attribute)
