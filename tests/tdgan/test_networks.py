"""TDGAN's networks against results of the published code, and what else they promise."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from tests.golden.recipe import tensor
from tests.tdgan import golden
from tests.tdgan.golden import Vectors, assert_close, assert_statistics, nchw, nhwc, weight_scale
from tf_facegan.layers import instance_norm
from tf_facegan.tdgan import kernels, parts, reference
from tf_facegan.tdgan.networks import Discriminator, Generator

TOLERANCES = {"float32": 1e-4, "float64": 1e-12}
CROPS = 1e-6  # stored in float32
NETWORKS = {"G": 16_164_231, "D_FR": 10_181_109, "D_ER": 10_166_759}


@functools.cache
def forward(dtype):
    """Returns {key of the vector file: NCHW array} of all stages of all networks."""
    vectors = Vectors("forward", dtype)
    G, D_FR, D_ER = (vectors.network(name) for name in ("G", "D_FR", "D_ER"))
    face, expression = vectors.images("face"), vectors.images("expr")
    stages = {"enc_FR": G.enc_FR.stages(face), "enc_ER": G.enc_ER.stages(expression)}
    codes = [stages[name]["ds4_out"] for name in ("enc_FR", "enc_ER")]
    stages["fc_ER"] = G.fc_ER.stages(codes[1])
    stages["dec"] = G.dec.stages(*codes, vectors.noise("noise"))
    for name, network, images in (("Dis_FR", D_FR, face), ("Dis_ER", D_ER, expression)):
        code = network.enc(images)
        stages[name] = {"fea": code, **network.fc.stages(code)}
    result = {f"{part}/{name}": x for part, found in stages.items() for name, x in found.items()}
    renamed = {key.replace("fc3_out", "logits"): nchw(array) for key, array in result.items()}
    image = G(face, expression, vectors.noise("noise"))
    np.testing.assert_array_equal(image, result["dec/img"])
    np.testing.assert_array_equal(G.classify(expression), result["fc_ER/fc3_out"])
    features, logits = D_FR(face)
    np.testing.assert_array_equal(features, result["Dis_FR/fea"])
    np.testing.assert_array_equal(logits, result["Dis_FR/fc3_out"])
    return renamed


@pytest.mark.parametrize("dtype", TOLERANCES)
def test_every_stage_of_a_forward_pass(dtype):
    found, tolerance = forward(dtype), TOLERANCES[dtype]
    arrays, config = golden.load("forward")
    for key, expected in arrays.items():
        name = key.replace(".crop", "")
        array = found[name]
        assert array.dtype == dtype
        if key.endswith("logits"):
            assert_close(array, expected, tolerance, key)
        elif not key.endswith(".crop"):
            assert_statistics(array, expected, key, config["seed"], tolerance)
        elif name == "dec/img":
            assert_close(array[:, :, 48:80, 48:80], expected, max(tolerance, CROPS), key)
        else:
            step = array.shape[2] // 4
            crop = array[:, :4, ::step, ::step]
            assert_close(crop, expected, max(tolerance, CROPS), key)
    assert len(arrays) > 50


class Ops:
    """The small vectors: inputs and weights by name."""

    arrays, config = golden.load("ops")
    batch, side = config["norm_batch"], config["norm_size"]

    def draw(self, name, shape, scale=1.0, offset=0.0):
        return tensor(name, shape, self.config["seed"], scale, offset).astype(np.float64)

    @property
    def x(self):
        return nhwc(self.draw("in/norm", (self.batch, 5, self.side, self.side), 0.02, 0.1))

    def check(self, key, array, tolerance=1e-12):
        assert_close(nchw(array), self.arrays[key], tolerance, key)


def kernel(array):
    return tf.constant(array.transpose(2, 3, 1, 0))


def test_max_pools_of_even_and_odd_sizes():
    ops = Ops()
    for height, width in ops.config["pool_sizes"]:
        x = ops.draw(f"in/pool_{height}x{width}", (2, 3, height, width), 1, -3)
        ops.check(f"pool_{height}x{width}", parts.max_pool(tf.constant(nhwc(x))))


def test_instance_norms():
    ops = Ops()
    scale, shift = ops.draw("w/norm.weight", (5,), 0.1, 1), ops.draw("w/norm.bias", (5,), 0.1)
    affine = instance_norm(ops.x, scale, shift, parts.ENCODER_EPSILON)[0]
    ops.check("norm_affine_train", affine)
    ops.check("norm_affine_eval", affine)
    ops.check("norm_plain", instance_norm(ops.x, epsilon=parts.DECODER_EPSILON)[0])


def test_a_convolution_with_norm():
    ops = Ops()
    layer = parts.Encoder(dtype="float64")
    weights = {
        "conv.weight": kernel(ops.draw("w/basic.conv.weight", (4, 5, 5, 5), 0.1)),
        "bn.weight": ops.draw("w/basic.bn.weight", (4,), 0.1, 1),
        "bn.bias": ops.draw("w/basic.bn.bias", (4,), 0.1),
    }
    layer.named_variables = {f"basic.{name}": value for name, value in weights.items()}
    ops.check("basic_conv", layer._apply(["basic"], tf.constant(ops.x)))


def test_transposed_convolutions():
    ops = Ops()
    up4 = kernel(ops.draw("w/up4.weight", (5, 3, 4, 4)))
    up3 = kernel(ops.draw("w/up3.weight", (5, 2, 3, 3)))
    ops.check("up4", kernels.conv2d_transpose(tf.constant(ops.x), up4, 2))
    ops.check("up3", kernels.conv2d_transpose(tf.constant(ops.x), up3, 1))


def test_an_embedding_block():
    ops = Ops()
    layer = parts.Decoder(dtype="float64")
    layer.named_variables = {
        "emb.weight": kernel(ops.draw("w/res.infer.0.weight", (5, 5, 3, 3), 0.3)),
        "emb.bias": ops.draw("w/res.infer.0.bias", (5,), 0.1),
    }
    x = tf.constant(ops.x)
    ops.check("resblock", x + layer._embed("emb", x))


def test_a_matrix_after_flattening():
    ops = Ops()
    head = parts.Head((2, 2, 3), 5, width=4 / 1024, dtype="float64")  # 12 -> 4 first
    weight = reference._Published(head.named_variables["fc1.weight"], head.code_shape)
    weight.assign(ops.draw("w/flat.weight", (4, 12), 0.3))
    head.named_variables["fc1.bias"].assign(ops.draw("w/flat.bias", (4,), 0.1))
    x = nhwc(ops.draw("in/flat", (ops.batch, 3, 2, 2)))
    ops.check("flat_linear", head._product("fc1", tf.reshape(x, [ops.batch, 12])))
    found = head.stages(tf.constant(x))["fc1_out"]
    np.testing.assert_array_equal(found, np.maximum(head._product("fc1", x.reshape(-1, 12)), 0))


def test_an_inception_block():
    ops = Ops()
    encoder = parts.Encoder(dtype="float64")
    for name, variable in encoder.named_variables.items():
        if name.startswith("repeat.0."):
            key = name[len("repeat.0.") :]
            shape = tuple(variable.shape)
            published = (shape[3], shape[2], *shape[:2]) if len(shape) == 4 else shape
            array = ops.draw(f"w/block.{key}", published, **weight_scale(f".{key}", published))
            variable.assign(kernel(array) if len(shape) == 4 else array)
    x = nhwc(ops.draw("in/block", (ops.batch, 64, ops.side, ops.side)))
    ops.check("block32", encoder._apply_block("repeat.0", tf.constant(x)), 2e-7)


def test_parameter_counts():
    for name, count in NETWORKS.items():
        network = Generator() if name == "G" else Discriminator(21 if name == "D_FR" else 7)
        assert sum(v.shape.num_elements() for v in network.trainable_variables) == count
        assert not network.non_trainable_variables
        assert len(network.named_variables) == len(network.trainable_variables)
    rgb = Generator(grayscale=False)
    assert sum(v.shape.num_elements() for v in rgb.trainable_variables) == 16_168_583


def test_initial_weights():
    G = Generator(seed=3)
    named = {name: variable.numpy() for name, variable in G.named_variables.items()}
    bounds = {
        "enc_FR.conv1.0.conv.weight": 0.2,
        "enc_ER.conv2.0.conv.weight": 0.035355,
        "enc_ER.repeat.1.branch2.0.conv.weight": 0.125,
        "enc_ER.repeat.1.branch2.1.conv.weight": 0.083333,
        "enc_ER.repeat.3.conv2d.weight": 0.144338,
        "enc_ER.repeat.3.conv2d.bias": 0.144338,
        "enc_FR.conv3.0.conv.weight": 0.025,
        "enc_FR.conv4.0.conv.weight": 0.017678,
        "dec.emb1.0.bias": 0.014731,
        "dec.emb2.5.infer.0.bias": 0.029463,
    }
    for name, bound in bounds.items():
        assert 0.9 * bound < np.abs(named[name]).max() <= bound * 1.0001, name
    for name in ("dec.emb1.0.weight", "dec.us5.0.weight", "fc_ER.fc1.weight", "fc_ER.fc3.weight"):
        np.testing.assert_allclose(named[name].std(), 0.02, rtol=0.1, err_msg=name)
    assert not named["fc_ER.fc2.bias"].any() and not named["enc_FR.conv1.0.bn.bias"].any()
    assert (named["enc_FR.conv1.0.bn.weight"] == 1).all()
    assert not np.array_equal(
        named["enc_FR.conv3.0.conv.weight"], named["enc_ER.conv3.0.conv.weight"]
    )
    again = Generator(seed=3).named_variables
    assert all(np.array_equal(array, again[name]) for name, array in named.items())


def test_heads_of_other_sizes_begin_with_logits_of_the_published_size():
    random = np.random.RandomState(0)
    found = []
    for side, maps, width in ((8, 128, 1.0), (4, 32, 0.25)):
        head = parts.Head((side, side, maps), 7, 0.5, width, seed=1)
        found.append(head(random.rand(64, side, side, maps).astype(np.float32)).numpy().std())
    np.testing.assert_allclose(found[1], found[0], rtol=0.25)


SMALL = {"image_size": 32, "width": 0.25, "seed": 1}


def small_inputs(channels=1, batch=3):
    random = np.random.RandomState(0)
    images = random.rand(2, batch, 32, 32, channels).astype(np.float32)
    return (*images, random.rand(batch, 2, 2, 5).astype(np.float32))


@pytest.mark.parametrize("grayscale", (True, False))
def test_other_sizes(grayscale):
    faces, expressions, noise = small_inputs(1 if grayscale else 3)
    G = Generator(noise_dim=5, num_blocks=1, grayscale=grayscale, **SMALL)
    images = G(faces, expressions, noise, training=True)
    assert images.shape == faces.shape
    assert G.encode_face(faces).shape == G.encode_expression(faces).shape == (3, 2, 2, 32)
    assert G.classify(faces).shape == (3, 7)
    codes = G.encode_face(faces), G.encode_expression(expressions)
    np.testing.assert_array_equal(G.decode(*codes, noise), images)
    assert not np.allclose(G(faces, expressions, 1 - noise), images, atol=1e-6)
    assert not np.allclose(G(expressions, faces, noise), images, atol=1e-6)
    without = Generator(noise_dim=0, grayscale=grayscale, **SMALL)
    assert without(faces, expressions).shape == faces.shape
    assert Discriminator(4, grayscale, **SMALL)(faces)[1].shape == (3, 4)


@pytest.mark.parametrize("size", (0, 100, -16))
def test_sizes_that_do_not_divide_are_refused(size):
    with pytest.raises(ValueError, match=f"image_size is {size}, a positive multiple of 16"):
        Generator(image_size=size)


def test_dropout_is_a_function_of_the_seed_of_each_sample():
    images = small_inputs(batch=4)[0]
    D = Discriminator(4, **SMALL)
    seeds = tf.constant([[0, 1], [2, 3], [4, 5], [0, 1]], tf.int64)
    features, plain = D(images)
    again, dropped = D(images, seed=seeds)
    np.testing.assert_array_equal(features, again)  # features are taken before dropout
    assert not np.allclose(plain, dropped)
    np.testing.assert_array_equal(D(images, training=True, seed=seeds)[1], dropped)
    np.testing.assert_allclose(D(images[1:3], seed=seeds[1:3])[1], dropped[1:3], atol=1e-6)
    assert not np.allclose(D(images, seed=seeds[::-1])[1][1:3], dropped[1:3])
    assert not np.allclose(D(images, training=True)[1], D(images, training=True)[1])
    none = Discriminator(4, dropout=0.0, **SMALL)
    np.testing.assert_array_equal(none(images, training=True)[1], none(images)[1])


def test_dropout_keeps_the_mean():
    x = tf.ones([4, 10_000])
    draws = tf.random.stateless_uniform([4, 10_000], [1, 2])
    for rate in (0.5, 0.2):
        y = parts.dropped(x, draws, rate).numpy()
        np.testing.assert_allclose((y == 0).mean(), rate, atol=0.02)
        np.testing.assert_allclose(y.mean(), 1, atol=0.03)
    assert parts.dropped(x, None, 0.5) is x


@pytest.mark.parametrize("policy", ("mixed_float16", "mixed_bfloat16"))
def test_half_precision_stays_close(policy):
    faces, expressions, noise = small_inputs()
    whole, half = (Generator(noise_dim=5, dtype=d, **SMALL) for d in ("float32", policy))
    image = half(faces, expressions, noise)
    assert image.dtype == tf.float32 and half.classify(faces).dtype == tf.float32
    assert half.encode_face(faces).dtype == policy.replace("mixed_", "")
    np.testing.assert_allclose(image, whole(faces, expressions, noise), atol=0.02)
