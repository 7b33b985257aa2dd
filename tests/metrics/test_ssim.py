"""SSIM and PSNR: to published results, to TensorFlow's, and their gradients."""

import numpy as np
import pytest
import tensorflow as tf

from tests.golden.recipe import tensor
from tests.rdgan.golden import SEED, vectors
from tf_facegan.metrics.psnr import psnr
from tf_facegan.metrics.ssim import grey_ssim, ssim


def pair():
    a, more = (
        tensor(f"in/ssim_{name}", (2, 40, 32, 3), SEED, kind="signed") for name in ("a", "b")
    )
    return a, np.float32(0.7 * a + 0.3 * more)


def pictures():
    def u8(name, low, high):
        draw = tensor(name, (64, 48, 3), SEED, scale=high - low, offset=low, kind="uniform")
        return np.clip(np.floor(draw), low, high - 1)

    a = u8("in/eval_a", 0, 256)
    b = np.clip(a + u8("in/eval_b", 0, 20) - 10, 0, 255)
    return a[None].astype(np.uint8), b[None].astype(np.uint8)


def test_ssim_as_published():
    a, b = map(tf.constant, pair())
    expected = vectors("extras").arrays
    np.testing.assert_allclose(np.mean(ssim(a, b, 1.5)), expected["ssim/rgb"], rtol=1e-5)
    red = np.mean(ssim(a[..., :1], b[..., :1], 1.5))
    np.testing.assert_allclose(red, expected["ssim/red"], rtol=1e-5)


@pytest.mark.parametrize("value_range", [1.5, 255.0])
def test_ssim_is_that_of_tensorflow_gradient_included(value_range):
    a, b = map(tf.constant, pair())
    results = []
    for function in (ssim, tf.image.ssim):
        with tf.GradientTape() as tape:
            tape.watch([a, b])
            values = function(a, b, value_range)
        results.append([values, *tape.gradient(values, [a, b])])
    for ours, theirs in zip(*results):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def test_ssim_of_equal_images_is_one_and_float64_stays():
    a = tf.constant(pair()[0], tf.float64)
    np.testing.assert_allclose(ssim(a, a), [1, 1], rtol=1e-12)
    assert ssim(a, a).dtype == tf.float64


def test_ssim_of_images_smaller_than_the_window():
    with pytest.raises(ValueError, match="images of 12 x 10 pixels, at least 11 x 11"):
        ssim(tf.zeros([1, 10, 12, 3]), tf.zeros([1, 10, 12, 3]))


def test_evaluation_as_published():
    a, b = pictures()
    expected = vectors("extras").arrays
    np.testing.assert_allclose(grey_ssim(a, b), expected["eval/ssim"], rtol=1e-6)
    np.testing.assert_allclose(psnr(a, b, border=1), expected["eval/psnr_255"], rtol=1e-6)


def test_psnr():
    a, b = (tf.reshape(x, [1, 80, 32, 3]) for x in pair())
    np.testing.assert_allclose(psnr(a, b), vectors("extras").arrays["psnr/tf"], rtol=1e-6)
    whole = tf.constant(np.full([1, 4, 4, 3], 200, np.uint8))
    off = np.full([1, 4, 4, 3], 210)
    np.testing.assert_allclose(psnr(whole, off), 20 * np.log10(25.5), rtol=1e-6)
    off[:, 0] = 0
    np.testing.assert_allclose(psnr(whole, off, border=1), 20 * np.log10(25.5), rtol=1e-6)
    assert np.isinf(psnr(whole, whole))
    assert psnr(tf.zeros([2, 4, 4, 3], tf.float64), tf.ones([2, 4, 4, 3])).dtype == tf.float64
