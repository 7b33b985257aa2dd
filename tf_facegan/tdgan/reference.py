"""Published parameters of TDGAN: names, layouts, and the files of a published checkpoint.

Published layouts are PyTorch's: convolutions are OIHW, transposed convolutions IOHW, matrices
[out, in]; the first matrix of a head takes features flattened in NCHW order.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tf_facegan import pickles, reference_weights
from tf_facegan.tdgan.parts import CODE_STRIDE

if TYPE_CHECKING:
    from tf_facegan.tdgan.networks import Network


# Statistics of norms, which old versions of PyTorch stored and nothing reads.
IGNORED_ENDINGS = ("running_mean", "running_var", "num_batches_tracked")
_GENERATOR_FILES = {"enc_FR": "Enc_FR_G", "enc_ER": "Enc_ER_G", "fc_ER": "fc_ER_G", "dec": "dec"}
_DISCRIMINATORS = ("Dis_FR", "Dis_ER")
_FIRST_MAPS = 32  # of the first layer of the published encoder


def assign(model: Network, arrays: dict[str, np.ndarray]) -> None:
    """Fills a network from published arrays.

    Args:
      model: `networks.Generator` or `networks.Discriminator`.
      arrays: {published name (`enc_ER.conv1.0.conv.weight`, ...): array in the published layout};
        statistics of norms may be there.

    Raises:
      ValueError: lists every missing, unexpected and mis-shaped name; the network is left as it
        was.
    """
    ignored = [name for name in arrays if name.endswith(IGNORED_ENDINGS)]
    reference_weights.assign(_published(model), arrays, ignored)


def extract(model: Network) -> dict[str, np.ndarray]:
    """Returns {published name: numpy array in the published layout} of a network."""
    return reference_weights.extract(_published(model))


def is_checkpoint(folder: str | Path) -> bool:
    """Whether a folder holds the files of a published checkpoint."""
    return (Path(folder) / f"{_GENERATOR_FILES['enc_ER']}.pkl").is_file()


def load_checkpoint(folder: str | Path) -> dict[str, dict[str, np.ndarray]]:
    """Reads the files of a published checkpoint, without torch.

    Args:
      folder: holds `Enc_FR_G.pkl`, `Enc_ER_G.pkl`, `fc_ER_G.pkl` and `dec.pkl`; `Dis_FR.pkl` and
        `Dis_ER.pkl` may be there.

    Returns:
      {"G": arrays, "D_FR": arrays, "D_ER": arrays} of published names; a discriminator without a
      file is left out.

    Raises:
      FileNotFoundError: a file of the generator is missing.
      ValueError: a file cannot be read or does not hold named tensors.
    """
    folder = Path(folder)
    networks = {"G": {}}
    for part, stem in _GENERATOR_FILES.items():
        arrays = _load_part(folder / f"{stem}.pkl")
        networks["G"].update({f"{part}.{name}": array for name, array in arrays.items()})
    for stem in _DISCRIMINATORS:
        path = folder / f"{stem}.pkl"
        if path.is_file():
            networks[stem.replace("Dis", "D")] = _load_part(path)
    return networks


def arguments(arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """Finds the constructor arguments of the network that published arrays belong to.

    Args:
      arrays: of a generator or a discriminator, as `load_checkpoint` gives them.

    Returns:
      dict of arguments of `networks.Generator` (`num_expressions`, `noise_dim`, `num_blocks`) or
      `networks.Discriminator` (`num_classes`), and of both `grayscale`, `image_size`, `width`.

    Raises:
      ValueError: the arrays belong to no such network.
    """
    is_generator = any(name.startswith("dec.") for name in arrays)
    encoder, head = ("enc_ER", "fc_ER") if is_generator else ("enc", "fc")
    try:
        maps, channels = arrays[f"{encoder}.conv1.0.conv.weight"].shape[:2]
        code = arrays[f"{encoder}.conv4.0.conv.weight"].shape[0]
        side = int(round((arrays[f"{head}.fc1.weight"].shape[1] / code) ** 0.5))
        classes = len(arrays[f"{head}.fc3.bias"])
        found = {
            "grayscale": channels == 1,
            "image_size": side * CODE_STRIDE,
            "width": maps / _FIRST_MAPS,
        }
        if not is_generator:
            return {"num_classes": classes, **found}
        blocks = {name.split(".")[2] for name in arrays if name.startswith("dec.emb2.")}
        noise_dim = arrays["dec.emb1.0.weight"].shape[1] - 2 * code
    except (KeyError, ValueError, IndexError) as error:
        raise ValueError(f"not the weights of a TDGAN network ({error})") from None
    return {
        "num_expressions": classes,
        "noise_dim": noise_dim,
        "num_blocks": len(blocks),
        **found,
    }


def _load_part(path):
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: no such file; a published checkpoint is Enc_FR_G.pkl, Enc_ER_G.pkl, "
            "fc_ER_G.pkl, dec.pkl and, to train on, Dis_FR.pkl and Dis_ER.pkl"
        )
    arrays = pickles.load_torch(path)
    if not isinstance(arrays, dict) or not all(isinstance(a, np.ndarray) for a in arrays.values()):
        raise ValueError(f"{path}: holds no named tensors; the state of a network expected")
    return {name: a for name, a in arrays.items() if not name.endswith(IGNORED_ENDINGS)}


def _published(model):
    """{published name: the variable as it was published}."""
    code_shapes = {part: getattr(model, part) for part in model.part_names}
    code_shapes = {part: getattr(layer, "code_shape", None) for part, layer in code_shapes.items()}
    return {
        name: _Published(variable, code_shapes[name.split(".")[0]] if "fc1.w" in name else None)
        for name, variable in model.named_variables.items()
    }


class _Published:
    """A variable seen in its published layout; `code_shape` is given for a head's first matrix."""

    def __init__(self, variable, code_shape=None):
        self._variable, self._code_shape = variable, code_shape
        self.dtype = variable.dtype

    @property
    def shape(self):
        return tuple(self._variable.shape)[::-1] if self._is_matrix else self._kernel_shape

    @property
    def _is_matrix(self):
        return len(self._variable.shape) <= 2

    @property
    def _kernel_shape(self):
        height, width, inner, outer = self._variable.shape
        return outer, inner, height, width

    def assign(self, array):
        if self._code_shape is not None:
            height, width, maps = self._code_shape
            array = array.reshape(-1, maps, height, width).transpose(2, 3, 1, 0)
            self._variable.assign(array.reshape(self._variable.shape))
        else:
            self._variable.assign(array.T if self._is_matrix else array.transpose(2, 3, 1, 0))

    def numpy(self):
        array = self._variable.numpy()
        if self._code_shape is not None:
            array = array.reshape(*self._code_shape, -1).transpose(3, 2, 0, 1)
            return array.reshape(len(array), -1)
        return array.T if self._is_matrix else array.transpose(3, 2, 0, 1)
