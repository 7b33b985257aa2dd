"""Optimizers and moving averages: values, skipped steps, loss scale, several devices."""

import subprocess
import sys
import textwrap

import numpy as np
import pytest
import tensorflow as tf

from tf_facegan.engine.optimizers import Adam, RMSProp, all_finite, clip_weights, ema_update


def _variables():
    return [tf.Variable([1.0, -2.0, 3.0]), tf.Variable([[0.5]])]


def _gradients(step):
    return [
        tf.constant([0.1, -0.2, 0.3]) * (step + 1.0),
        tf.constant([[float(step % 2) - 0.3]]),
    ]


def _state(optimizer, variables):
    return [v.numpy() for v in [*variables, *optimizer.variables]]


@pytest.mark.parametrize("beta1", [0.0, 0.9])
@pytest.mark.parametrize("in_graph", [False, True])
def test_adam_is_tensorflow_1_adam(beta1, in_graph):
    ours, theirs = _variables(), _variables()
    optimizer = Adam(ours, beta1=beta1, beta2=0.99, epsilon=1e-4)
    legacy = tf.compat.v1.train.AdamOptimizer(0.05, beta1=beta1, beta2=0.99, epsilon=1e-4)

    def apply(gradients, rate):
        return optimizer.apply(gradients, ours, rate)

    apply = tf.function(apply) if in_graph else apply
    for step in range(4):
        assert apply(_gradients(step), tf.constant(0.05)) == 0
        legacy.apply_gradients(zip(_gradients(step), theirs))
    for a, b in zip(ours, theirs):
        assert np.array_equal(a, b)


def test_adam_with_the_epsilon_of_pytorch():
    # Tiny gradients, on which the place of epsilon shows; numbers of the formula in float64.
    gradients = np.array([1.0, 1e-3, 1e-6, 1e-8, 0.0])
    weight, m, v = np.zeros(5), np.zeros(5), np.zeros(5)
    variable = tf.Variable(weight)
    optimizer = Adam([variable], torch_epsilon=True)
    for t in (1, 2, 3):
        g = gradients * (-t)
        optimizer.apply([tf.constant(g)], [variable], 0.1)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        weight -= 0.1 / (1 - 0.9**t) * m / (np.sqrt(v) / np.sqrt(1 - 0.999**t) + 1e-8)
        np.testing.assert_allclose(variable, weight, rtol=1e-10)
    assert weight[3] < 0.2  # as large as the others' if epsilon were outside


@pytest.mark.parametrize("in_graph", [False, True])
def test_rmsprop_is_tensorflow_1_rmsprop(in_graph):
    ours, theirs = _variables(), _variables()
    optimizer = RMSProp(ours, decay=0.8)
    legacy = tf.compat.v1.train.RMSPropOptimizer(0.05, decay=0.8)

    def apply(gradients, rate):
        return optimizer.apply(gradients, ours, rate)

    apply = tf.function(apply) if in_graph else apply
    for step in range(4):
        assert apply(_gradients(step), tf.constant(0.05)) == 0
        legacy.apply_gradients(zip(_gradients(step), theirs))
    for a, b in zip(ours, theirs):
        assert np.array_equal(a, b)


def test_rmsprop_starts_from_a_mean_square_of_one():
    variable = tf.Variable(np.zeros(2))
    optimizer = RMSProp([variable], decay=0.9)
    gradients = np.array([2.0, 1e-3])
    optimizer.apply([tf.constant(gradients)], [variable], 0.1)
    np.testing.assert_allclose(
        variable, -0.1 * gradients / np.sqrt(0.9 + 0.1 * gradients**2 + 1e-10), rtol=1e-12
    )
    optimizer.reset()
    np.testing.assert_array_equal(optimizer.mean_squares[0], np.ones(2))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_rmsprop_skips_a_step_that_is_not_finite(bad):
    variables = _variables()
    optimizer = RMSProp(variables)
    apply = tf.function(lambda *gradients: optimizer.apply(gradients, variables, 0.1))
    assert apply(*_gradients(0)) == 0
    before = _state(optimizer, variables)
    assert apply(tf.constant([0.1, bad, 0.1]), tf.constant([[0.2]])) == 1
    assert all(np.array_equal(a, b) for a, b in zip(before, _state(optimizer, variables)))
    optimizer.apply([_gradients(1)[0], None], variables, 0.1)
    assert np.array_equal(before[1], variables[1]) and not np.array_equal(before[0], variables[0])


def test_rmsprop_state_is_checkpointed_without_the_last_updates(tmp_path):
    variables = _variables()
    optimizer = RMSProp(variables)
    optimizer.apply(_gradients(0), variables, 0.1)
    path = tf.train.Checkpoint(optimizer=optimizer).save(str(tmp_path / "state"))
    assert len(optimizer.variables) == 2
    other = RMSProp(_variables())
    tf.train.Checkpoint(optimizer=other).restore(path).assert_consumed()
    for a, b in zip(optimizer.mean_squares, other.mean_squares):
        assert np.array_equal(a, b)


def test_weights_are_clipped():
    variables = _variables()
    clip_weights(variables, 1.5)
    np.testing.assert_array_equal(variables[0], [1.0, -1.5, 1.5])
    np.testing.assert_array_equal(variables[1], [[0.5]])


def test_variables_without_gradient_stay():
    variables = _variables()
    optimizer = Adam(variables, beta1=0.0)
    optimizer.apply([_gradients(0)[0], None], variables, 0.1)
    assert variables[1].numpy() == 0.5 and np.all(variables[0] != [1.0, -2.0, 3.0])


def test_skipping_variables_is_exact_for_beta1_zero_and_waiting_layers():
    # As published: zeros for layers of a later level, whose moments are still zero.
    skipped, zeros = _variables(), _variables()
    optimizers = [Adam(v, beta1=0.0, beta2=0.99) for v in (skipped, zeros)]
    for step in range(3):
        used = _gradients(step)[0]
        optimizers[0].apply([used, None], skipped, 0.1)
        optimizers[1].apply([used, tf.zeros([1, 1])], zeros, 0.1)
    states = [_state(o, v) for o, v in zip(optimizers, (skipped, zeros))]
    assert all(np.array_equal(a, b) for a, b in zip(*states))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("beta1", [0.0, 0.9])
def test_a_step_that_is_not_finite_is_skipped_as_a_whole(bad, beta1):
    variables = _variables()
    optimizer = Adam(variables, beta1=beta1)
    apply = tf.function(lambda *gradients: optimizer.apply(gradients, variables, 0.1))
    apply(*_gradients(0))
    before = _state(optimizer, variables)
    assert apply(tf.constant([0.1, bad, 0.1]), tf.constant([[0.2]])) == 1
    assert all(np.array_equal(a, b) for a, b in zip(before, _state(optimizer, variables)))
    assert apply(*_gradients(1)) == 0
    assert all(np.isfinite(value).all() for value in _state(optimizer, variables))
    assert not np.array_equal(before[0], variables[0])


def test_all_finite():
    assert all_finite([tf.ones([3]), tf.constant(-1e18)])
    assert not all_finite([tf.ones([3]), tf.constant([0.0, np.nan])])
    assert all_finite([])


def test_loss_scale_grows_slowly_and_falls_fast():
    variables, plain = _variables(), _variables()
    optimizer = Adam(variables, beta1=0.0, loss_scaling=True)
    reference = Adam(plain, beta1=0.0)
    assert reference.loss_scale is None
    assert optimizer.loss_scale == 2.0**64
    scaled = [gradient * optimizer.loss_scale for gradient in _gradients(0)]
    assert optimizer.apply(scaled, variables, 0.1) == 0
    reference.apply(_gradients(0), plain, 0.1)
    for a, b in zip(variables, plain):
        np.testing.assert_allclose(a, b, rtol=1e-6)
    np.testing.assert_allclose(optimizer.scale_log2, 64.0005)
    assert optimizer.apply([tf.fill([3], np.inf), None], variables, 0.1) == 1
    np.testing.assert_allclose(optimizer.scale_log2, 63.0005)
    optimizer.reset()
    np.testing.assert_allclose(optimizer.scale_log2, 63.0005)


def test_reset_starts_over():
    variables = _variables()
    optimizer = Adam(variables, beta1=0.5)
    fresh = _state(optimizer, [])
    optimizer.apply(_gradients(0), variables, 0.1)
    assert not all(np.array_equal(a, b) for a, b in zip(fresh, _state(optimizer, [])))
    optimizer.reset()
    assert all(np.array_equal(a, b) for a, b in zip(fresh, _state(optimizer, [])))


def test_state_is_checkpointed(tmp_path):
    variables = _variables()
    optimizer = Adam(variables, loss_scaling=True)
    optimizer.apply(_gradients(0), variables, 0.1)
    path = tf.train.Checkpoint(optimizer=optimizer).save(str(tmp_path / "state"))
    other = Adam(_variables(), loss_scaling=True)
    tf.train.Checkpoint(optimizer=other).restore(path).assert_consumed()
    assert all(np.array_equal(a, b) for a, b in zip(_state(optimizer, []), _state(other, [])))


def test_the_rate_does_not_retrace():
    variables = _variables()
    optimizer, traces = Adam(variables), []

    @tf.function
    def apply(rate):
        traces.append(1)
        return optimizer.apply(_gradients(0), variables, rate)

    for rate in (0.1, 0.2):
        apply(tf.constant(rate))
    assert len(traces) == 1


@pytest.mark.parametrize("beta, expected", [(0.999, 1.999), (0.0, 1.0)])
def test_moving_average(beta, expected):
    source, average = tf.Variable([1.0]), tf.Variable([2.0])
    ema_update([average], [source], beta)
    np.testing.assert_allclose(average, [expected], rtol=1e-6)
    assert source.numpy() == 1.0


@pytest.mark.slow
def test_four_devices_equal_one():
    script = textwrap.dedent("""
        import numpy as np, tensorflow as tf
        from tf_facegan.engine.optimizers import Adam, ema_update
        cpu = tf.config.list_physical_devices("CPU")[0]
        parts = [tf.config.LogicalDeviceConfiguration()] * 4
        tf.config.set_logical_device_configuration(cpu, parts)
        devices = [f"/cpu:{i}" for i in range(4)]
        reduction = tf.distribute.ReductionToOneDevice()
        several = tf.distribute.MirroredStrategy(devices, cross_device_ops=reduction)
        data = np.random.RandomState(0).randn(3, 8, 5).astype("float32")
        data[1, 6, 2] = np.inf  # one replica alone sees what is not finite: all skip the step

        def train(strategy):
            replicas = strategy.num_replicas_in_sync
            with strategy.scope():
                weight, average = tf.Variable(tf.ones([5])), tf.Variable(tf.zeros([5]))
                optimizer = Adam([weight], beta1=0.5, loss_scaling=True, initial_scale_log2=3.0)

            @tf.function
            def step(batch):
                def replica(batch):
                    with tf.GradientTape() as tape:
                        loss = tf.reduce_mean((batch @ weight[:, None] - 1.0) ** 2)
                        scaled = loss * optimizer.loss_scale
                    skipped = optimizer.apply([tape.gradient(scaled, weight)], [weight], 0.1)
                    ema_update([average], [weight], 0.9)
                    return skipped
                return strategy.run(replica, args=(batch,))

            skipped = []
            for batch in data:
                deal = lambda c: batch[c.replica_id_in_sync_group :: replicas]
                inputs = strategy.experimental_distribute_values_from_function(deal)
                skipped.append(strategy.experimental_local_results(step(inputs))[0].numpy())
            optimizer.reset()
            return skipped, [strategy.experimental_local_results(v)
                             for v in (weight, average, *optimizer.variables)]

        one = train(tf.distribute.OneDeviceStrategy("/cpu:0"))
        four = train(several)
        assert one[0] == four[0] == [0.0, 1.0, 0.0], (one[0], four[0])
        for single, copies in zip(one[1], four[1]):
            assert len(copies) == 4
            for copy in copies:
                assert np.array_equal(copy, copies[0])
                np.testing.assert_allclose(copy, single[0], rtol=1e-5, atol=1e-7)
        print("equal")
    """)
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert result.stdout.strip() == "equal", result.stderr[-2000:]
