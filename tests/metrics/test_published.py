"""The metrics of PGGAN and TBGAN give the published values."""

from pathlib import Path

import numpy as np
import pytest

from tests.golden.recipe import fingerprint, tensor
from tf_facegan.metrics import frechet_distance as fid
from tf_facegan.metrics import inception_score, ms_ssim
from tf_facegan.metrics import sliced_wasserstein as swd
from tf_facegan.records import levels

GOLDEN = np.load(Path(__file__).parents[1] / "golden" / "tbgan" / "metrics.npz")
SEED, COUNT, SIDE = 3003, 16, 64


def images(tag, contrast):
    shape = (COUNT, 3, SIDE // 8, SIDE // 8)
    base = tensor(f"in/{tag}/base", shape, SEED, kind="uniform").repeat(8, 2).repeat(8, 3)
    fine = tensor(f"in/{tag}/fine", (COUNT, 3, SIDE, SIDE), SEED, kind="uniform")
    half, most, rest = np.float32([0.5, 0.7, 0.3])
    mixed = half + np.float32(contrast) * (most * base + rest * fine - half)
    return np.clip(np.rint(255 * mixed.astype(np.float64)), 0, 255).astype(np.uint8)


A, B = images("A", 1.0), images("B", 0.8)
NOISE = np.rint(tensor("in/noise", A.shape, SEED, 12))
C = np.clip(A + NOISE, 0, 255).astype(np.uint8)


def halves(batch):
    return np.split(batch, 2)


def last(batch):
    return batch.transpose(0, 2, 3, 1)


def check_fingerprint(array, name):
    norm, mean, first = fingerprint(array)
    np.testing.assert_allclose([norm, mean, *first], GOLDEN[name], rtol=1e-6, atol=1e-6)


def test_the_images_are_built_alike():
    np.testing.assert_array_equal(A[0], GOLDEN["images_A0"])
    np.testing.assert_array_equal(B[0], GOLDEN["images_B0"])


def test_smaller_images():
    _, half, quarter = levels.build(A[0], 3)
    np.testing.assert_array_equal(half, GOLDEN["downscale_1"][0])
    np.testing.assert_array_equal(quarter, GOLDEN["downscale_2"][0])


def test_the_pyramid():
    for level, found in enumerate(swd.laplacian_pyramid(A, 3)):
        np.testing.assert_allclose(found[:1], GOLDEN[f"pyramid/{level}"], atol=1e-4)


def test_descriptors():
    level = swd.laplacian_pyramid(A, 3)[0]
    found = swd.descriptors(level, 4, np.random.RandomState(SEED))
    np.testing.assert_allclose(found[:3], GOLDEN["descriptors"], atol=1e-4)
    check_fingerprint(found, "descriptors_fp")
    check_fingerprint(swd.normalized([found]), "descriptors_final_fp")


def test_sliced_wasserstein_distance_of_vectors():
    a = tensor("in/swA", (200, 30), SEED)
    b = tensor("in/swB", (200, 30), SEED, 1.3, 0.2)
    found = swd.sliced_wasserstein(a, b, np.random.RandomState(SEED), repeats=4, directions=16)
    np.testing.assert_allclose(found, GOLDEN["sliced_wasserstein"], rtol=1e-6)


def test_sliced_wasserstein_distance_of_images():
    metric = swd.SlicedWassersteinDistance((3, SIDE, SIDE), np.random.RandomState(SEED))
    assert metric.names == ["SWDx1e3_64", "SWDx1e3_32", "SWDx1e3_16", "SWDx1e3_avg"]

    def summary(batch):
        return metric.summary([metric.part(half) for half in halves(batch)])

    reals = summary(A)
    assert metric.distance(reals, reals) == list(GOLDEN["swd/reals"])
    for name, batch in (("reals2", A), ("fakes", B)):  # draws in the published order
        found = metric.distance(reals, summary(batch))
        np.testing.assert_allclose(found, GOLDEN[f"swd/{name}"], rtol=1e-5)


def test_ssim():
    similarity, contrast = ms_ssim.ssim_and_contrast(last(A)[::2], last(A)[1::2])
    np.testing.assert_allclose(similarity, GOLDEN["ssim"], atol=1e-6)
    np.testing.assert_allclose(contrast, GOLDEN["cs"], atol=1e-6)


def test_ms_ssim():
    for name, batch in (("reals", A), ("reals2", A), ("fakes", B)):
        parts = [ms_ssim.variation(half) for half in halves(batch)]
        assert [pairs for _, pairs in parts] == [4, 4]
        found = np.mean([value for value, _ in parts])
        np.testing.assert_allclose(found, GOLDEN[f"msssim/{name}"], atol=1e-6)
    np.testing.assert_allclose(ms_ssim.ms_ssim(last(A), last(B)), GOLDEN["msssim/AB"], atol=1e-6)
    np.testing.assert_allclose(ms_ssim.ms_ssim(last(A), last(C)), GOLDEN["msssim/AC"], atol=1e-6)


def test_ms_ssim_of_small_images():
    small = np.stack([image[:, :16, :16] for image in A])
    assert 0 < ms_ssim.variation(small)[0] < 1
    with pytest.raises(ValueError, match="images of 8 x 16 pixels, at least 16 x 16"):
        ms_ssim.variation(small[..., :8])


def test_frechet_distance():
    a = fid.statistics(tensor("in/actA", (64, 16), SEED))
    b = fid.statistics(tensor("in/actB", (64, 16), SEED, 1.2, 0.1))
    np.testing.assert_allclose(fid.frechet_distance(a, b), GOLDEN["fid"], rtol=1e-9)


def test_inception_score():
    logits = tensor("in/logits", (205, 12), SEED, 2).astype(np.float64)
    odds = np.exp(logits)
    probabilities = (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)
    expected = [GOLDEN["is_mean"], GOLDEN["is_std"]]
    np.testing.assert_allclose(inception_score.inception_score(probabilities), expected, rtol=1e-6)


@pytest.mark.parametrize("shape", [(3, 64, 32), (3, 48, 48), (3, 8, 8)])
def test_sizes_without_a_sliced_wasserstein_distance(shape):
    with pytest.raises(ValueError, match=f"images are {shape[1]}x{shape[2]}; square ones"):
        swd.SlicedWassersteinDistance(shape)
