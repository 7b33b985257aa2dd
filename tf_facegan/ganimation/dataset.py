"""What a configuration of GANimation takes of a set, and what the networks have to be for it.

Imports no TensorFlow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tf_facegan.sources.action_units import AUS

if TYPE_CHECKING:
    from tf_facegan.ganimation.config import Config, Data
    from tf_facegan.records.schema import SetInfo


FIELD = "aus"  # float32 [N, 17], OpenFace's intensities


def au_names(info: SetInfo, data: Data) -> list[str]:
    """Returns the names (as AU12_r) of the AUs that the networks see, in order.

    Args:
      info: `SetInfo` of the set.
      data: `config.Data`.

    Raises:
      ValueError: the set has no AUs, or not those asked for.
    """
    if FIELD not in info.fields:
        raise ValueError(
            f"set {info.name}: no field `{FIELD}`, intensities of action units expected; "
            "dataset_tool.py create_from_openface and create_toy_faces write it"
        )
    names = _stored_names(info)
    if data.aus is None:
        if not 1 <= data.c_dim <= len(names):
            raise ValueError(
                f"data.c_dim is {data.c_dim}, set {info.name} has {len(names)} action units"
            )
        return names[: data.c_dim]
    wanted = [name if name.endswith("_r") else f"{name}_r" for name in data.aus]
    unknown = [name for name in wanted if name not in names]
    if unknown or not wanted or len(set(wanted)) < len(wanted):
        raise ValueError(
            f"data.aus is {list(data.aus)}: expected different ones out of {', '.join(names)}"
        )
    return wanted


def au_columns(info: SetInfo, data: Data) -> list[int]:
    """Returns the columns of the field that hold `au_names`."""
    stored = _stored_names(info)
    return [stored.index(name) for name in au_names(info, data)]


def image_size(info: SetInfo, data: Data) -> int:
    """Returns the side of the images trained on.

    Raises:
      ValueError: the set's images are not square RGB pictures.
    """
    channels, height, width = info.shape
    if channels != 3 or height != width:
        raise ValueError(
            f"set {info.name}: images of {channels} channels, {width} x {height} pixels; "
            "square RGB images expected"
        )
    return data.image_size or height


def network_arguments(config: Config, info: SetInfo) -> dict[str, dict[str, Any]]:
    """Returns {"G": arguments, "D": arguments} of the networks that a configuration describes."""
    networks = config.networks
    common = {
        "image_size": image_size(info, config.data),
        "c_dim": len(au_names(info, config.data)),
    }
    return {
        "G": {
            **common,
            "conv_dim": networks.g_conv_dim,
            "repeat_num": networks.g_repeat_num,
            "norm_scale_init": networks.norm_scale_init,
            "condition_after_norm": networks.condition_after_norm,
            "condition_blocks": networks.condition_blocks,
            "norm": networks.g_norm,
            "init_stddev": networks.g_init_stddev,
            "skips": networks.g_skips,
            "residual_color": networks.g_residual_color,
            "update_running_stats": networks.update_running_stats,
        },
        "D": {**common, "conv_dim": networks.d_conv_dim, "repeat_num": networks.d_repeat_num},
    }


def _stored_names(info):
    described = info.fields[FIELD]
    (size,) = described["shape"]
    return list(described.get("names") or AUS[:size])
