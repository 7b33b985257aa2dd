import numpy as np
import pytest

from tests.expression import tiny
from tests.expression.tiny import snapshot

KINDS = ("autoencoder", "cwgan", "vgg16")


@pytest.mark.parametrize("kind", KINDS)
def test_seeds_decide_weights(kind, faces, strategy):
    first, again = (snapshot(tiny.trainer_for(kind, strategy, faces)) for _ in range(2))
    other = snapshot(tiny.trainer_for(kind, strategy, faces, random_seed=7))
    for name, value in first.items():
        np.testing.assert_array_equal(value, again[name], err_msg=name)
    weights = [name for name, value in first.items() if np.ptp(value) > 0]
    assert len(weights) > 4
    assert not any(np.allclose(first[name], other[name]) for name in weights)


@pytest.mark.parametrize(
    "kind, changes, message",
    [
        ("cwgan", {"train.batch_size": 0}, "train.batch_size is 0, a multiple of the 1 devices"),
        (
            "cwgan",
            {"data.layout": "nchw"},
            r"'nchw' \(did you mean 'nhwc'\?\), expected one of nhwc, scr",
        ),
        ("cwgan", {"loss.mismatch_weight": 1.0}, "mismatch_weight is 1.0, 0 to below 1 expected"),
        ("cwgan", {"networks.kind": "add"}, "noise_dim is 8, 7 as condition_dim expected"),
        ("cwgan", {"networks.kind": "sum"}, "kind is 'sum', expected one of concat, add"),
        ("cwgan", {"data.representations": "none"}, "none: no such file or folder"),
        ("autoencoder", {"data.channel_order": "gbr"}, "data.channel_order is 'gbr'"),
        ("autoencoder", {"network.target_range": "all"}, "network.target_range is 'all'"),
        ("autoencoder", {"network.code_activation": "soft"}, "code_activation is 'soft'"),
        ("autoencoder", {"network.dim": 6}, "dim is 6, a multiple of 4 expected"),
        ("vgg16", {"train.fine_tune_blocks": 6}, "train.fine_tune_blocks is 6, 0 to 5"),
        ("vgg16", {"train.split": "half"}, "train.split is 'half', expected one of official"),
        ("vgg16", {"network.weights": "no.h5"}, "no.h5: no such file; Keras weights"),
        ("vgg16", {"network.pooling": "sum"}, "pooling is 'sum'"),
        (
            "vgg16",
            {"train.split": "random", "train.validation_share": 1.0},
            "train.validation_share is 1.0: 40 of 40 images",
        ),
    ],
)
def test_what_does_not_fit_is_refused(kind, changes, message, faces, strategy):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        tiny.trainer_for(kind, strategy, faces, **changes)


def test_sets_that_do_not_fit_are_refused(faces, strategy, tmp_path):
    bare = tiny.write_faces(tmp_path / "bare", range(4), fields={})
    with pytest.raises(ValueError, match="bare: no field `expression`"):
        tiny.trainer_for("cwgan", strategy, bare)
    wide = tiny.write_faces(tmp_path / "wide", range(4), load=lambda n: tiny.face(n)[:, :30])
    with pytest.raises(ValueError, match=r"wide: images of \[3, 30, 32\], three colours"):
        tiny.trainer_for("cwgan", strategy, wide)
    small = tiny.write_faces(
        tmp_path / "small", range(4), load=lambda n: tiny.face(n)[:, ::2, ::2].copy()
    )
    with pytest.raises(ValueError, match=r"small: images of \[3, 16, 16\], \[3, 32, 32\] as in"):
        tiny.trainer_for("vgg16", strategy, faces, **{"data.sets.test": str(small)})
