"""Optimizers on TensorFlow's fused kernels, and moving averages.

They work in a replica: gradients are averaged over the replicas, then every replica updates its
own copy of variables and slots with the same numbers. All state is in variables that
`tf.train.Checkpoint` finds.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf


class Adam(tf.Module):
    """Adam as TensorFlow 1 has it: epsilon outside the bias correction, one step count for all
    variables.

    w -= lr * sqrt(1 - beta2**t) / (1 - beta1**t) * m / (sqrt(v) + epsilon)

    Or as PyTorch has it, with epsilon added to the corrected root, sqrt(v / (1 - beta2**t)).

    A step whose gradients are not all finite is skipped as a whole, as in PGGAN's optimizer
    wrapper. Variables without a gradient are left alone. PGGAN gives them gradients of zero: with
    beta1 = 0 that only shrinks their second moment, which is the same for layers that wait for
    their level (theirs is zero until the optimizer is reset for it) and means nothing for layers
    that are left behind.

    Optional dynamic loss scaling (PGGAN, `use_loss_scaling`): a variable holds log2 of the
    factor; it grows by `scale_increment` after a finite step and falls by `scale_decrement` after
    an overflow. `reset` does not touch it.
    """

    def __init__(
        self,
        variables: Sequence[tf.Variable],
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        torch_epsilon: bool = False,
        loss_scaling: bool = False,
        initial_scale_log2: float = 64.0,
        scale_increment: float = 0.0005,
        scale_decrement: float = 1.0,
        name: str | None = None,
    ):
        """Makes the slots; under a distribution strategy call it in the scope.

        Args:
          variables: list of all trainable variables that will ever be updated, of one dtype.
          beta1, beta2: decay of the moments.
          epsilon: added to the root of the second moment.
          torch_epsilon: add it to the root after its bias correction, as PyTorch does.
          loss_scaling: keep a loss scale.
          initial_scale_log2, scale_increment, scale_decrement: of the loss scale.
          name: of the module.
        """
        super().__init__(name=name)
        self.beta1, self.beta2, self.epsilon = beta1, beta2, epsilon
        self._torch_epsilon = torch_epsilon
        self._increment, self._decrement = scale_increment, scale_decrement
        self._places = {variable.ref(): i for i, variable in enumerate(variables)}
        dtype = variables[0].dtype
        self.m = [_state(tf.zeros_like(v), f"m{i}") for i, v in enumerate(variables)]
        self.v = [_state(tf.zeros_like(v), f"v{i}") for i, v in enumerate(variables)]
        self.beta1_power = _state(tf.constant(beta1, dtype), "beta1_power")
        self.beta2_power = _state(tf.constant(beta2, dtype), "beta2_power")
        self.scale_log2 = None
        if loss_scaling:
            self.scale_log2 = _state(tf.constant(initial_scale_log2, dtype), "loss_scaling_log2")

    @property
    def loss_scale(self) -> tf.Tensor | None:
        """The factor to multiply the loss with, a scalar tensor; None without loss scaling."""
        return (
            None
            if self.scale_log2 is None
            else tf.pow(tf.constant(2.0, self.scale_log2.dtype), self.scale_log2)
        )

    def scaled(self, loss: tf.Tensor) -> tf.Tensor:
        """Returns a loss times `loss_scale`, or as it is without loss scaling."""
        scale = self.loss_scale
        return loss if scale is None else loss * tf.cast(scale, loss.dtype)

    def apply(
        self,
        gradients: Sequence[tf.Tensor | None],
        variables: Sequence[tf.Variable],
        learning_rate: float | tf.Tensor,
    ) -> tf.Tensor:
        """Takes one step.

        Args:
          gradients: list of tensors, of the loss times `loss_scale`; None for variables that have
            none.
          variables: list of as many variables, out of those of the constructor.
          learning_rate: number or scalar tensor.

        Returns:
          Scalar float32 tensor, 1 if the step was skipped and else 0 (PGGAN's
          `overflow_frequency`).
        """
        pairs = [(g, v) for g, v in zip(gradients, variables) if g is not None]
        gradients = self._average([tf.cast(g, v.dtype) for g, v in pairs])
        finite = all_finite(gradients)
        one = tf.ones([], self.beta2_power.dtype)
        # Neutral numbers in place of the step: zero gradients, a rate of 0 and decays of 1 change
        # nothing.
        gradients = _zero_unless(finite, gradients)
        # Numbers become constants of the dtype at once: a cast would round them to float32 before.
        if not tf.is_tensor(learning_rate):
            learning_rate = tf.constant(learning_rate, one.dtype)
        rate = tf.where(finite, tf.cast(learning_rate, one.dtype), 0.0)
        beta1, beta2 = (
            tf.where(finite, tf.constant(beta, one.dtype), one) for beta in (self.beta1, self.beta2)
        )
        powers = [tf.convert_to_tensor(p) for p in (self.beta1_power, self.beta2_power)]
        epsilon = tf.constant(self.epsilon, one.dtype)
        if self._torch_epsilon:
            epsilon *= tf.sqrt(1 - powers[1])
        for gradient, (_, variable) in zip(gradients, pairs):
            place = self._places[variable.ref()]
            tf.raw_ops.ResourceApplyAdam(
                var=variable.handle,
                m=self.m[place].handle,
                v=self.v[place].handle,
                beta1_power=powers[0],
                beta2_power=powers[1],
                lr=rate,
                beta1=beta1,
                beta2=beta2,
                epsilon=epsilon,
                grad=gradient,
            )
        write(self.beta1_power, powers[0] * beta1)
        write(self.beta2_power, powers[1] * beta2)
        if self.scale_log2 is not None:
            change = tf.where(finite, self._increment, -self._decrement)
            write(self.scale_log2, self.scale_log2 + tf.cast(change, one.dtype))
        return 1.0 - tf.cast(finite, tf.float32)

    def _average(self, gradients):
        """Returns the mean over the replicas of gradients, without the loss scale."""
        replicas = tf.distribute.get_replica_context()
        factor = 1.0
        if replicas.num_replicas_in_sync > 1:
            gradients = replicas.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
            factor /= replicas.num_replicas_in_sync
        if self.scale_log2 is not None:
            factor /= self.loss_scale
        if isinstance(factor, float) and factor == 1.0:
            return gradients
        return [gradient * factor for gradient in gradients]

    def reset(self) -> None:
        """Forgets moments and step count; the loss scale stays (PGGAN, `reset_optimizer_state`)."""
        for slot in self.m + self.v:
            write(slot, tf.zeros_like(slot))
        write(self.beta1_power, tf.constant(self.beta1, self.beta1_power.dtype))
        write(self.beta2_power, tf.constant(self.beta2, self.beta2_power.dtype))


class RMSProp(tf.Module):
    """RMSProp as TensorFlow 1 has it: epsilon inside the root, the mean square starts at 1.

    s <- decay * s + (1 - decay) * g**2;  w -= lr * g / sqrt(s + epsilon)

    A step whose gradients are not all finite is skipped as a whole. Variables without a gradient
    are left alone.
    """

    def __init__(
        self,
        variables: Sequence[tf.Variable],
        decay: float = 0.9,
        epsilon: float = 1e-10,
        name: str | None = None,
    ):
        """Makes the slots; under a distribution strategy call it in the scope.

        Args:
          variables: list of all trainable variables that will ever be updated, of one dtype.
          decay: of the mean square.
          epsilon: added to the mean square.
          name: of the module.
        """
        super().__init__(name=name)
        self.decay, self.epsilon = decay, epsilon
        self._places = {variable.ref(): i for i, variable in enumerate(variables)}
        self.mean_squares = [_state(tf.ones_like(v), f"rms{i}") for i, v in enumerate(variables)]
        updates = [_state(tf.zeros_like(v), f"update{i}") for i, v in enumerate(variables)]
        # The kernel wants a place for the last update, which counts for nothing without momentum:
        # the function hides it from checkpoints.
        self._updates = lambda: updates

    def apply(
        self,
        gradients: Sequence[tf.Tensor | None],
        variables: Sequence[tf.Variable],
        learning_rate: float | tf.Tensor,
    ) -> tf.Tensor:
        """Takes one step.

        Args:
          gradients: list of tensors; None for variables that have none.
          variables: list of as many variables, out of those of the constructor.
          learning_rate: number or scalar tensor.

        Returns:
          Scalar float32 tensor, 1 if the step was skipped and else 0.
        """
        pairs = [(g, v) for g, v in zip(gradients, variables) if g is not None]
        gradients = replica_mean([tf.cast(g, v.dtype) for g, v in pairs])
        finite = all_finite(gradients)
        gradients = _zero_unless(finite, gradients)
        dtype = self.mean_squares[0].dtype
        one = tf.ones([], dtype)
        decay = tf.where(finite, tf.constant(self.decay, dtype), one)
        if not tf.is_tensor(learning_rate):
            learning_rate = tf.constant(learning_rate, dtype)
        for gradient, (_, variable) in zip(gradients, pairs):
            place = self._places[variable.ref()]
            tf.raw_ops.ResourceApplyRMSProp(
                var=variable.handle,
                ms=self.mean_squares[place].handle,
                mom=self._updates()[place].handle,
                lr=tf.cast(learning_rate, dtype),
                rho=decay,
                momentum=tf.zeros([], dtype),
                epsilon=tf.constant(self.epsilon, dtype),
                grad=gradient,
            )
        return 1.0 - tf.cast(finite, tf.float32)

    def reset(self) -> None:
        """Sets the mean squares back to 1."""
        for slot in self.mean_squares:
            write(slot, tf.ones_like(slot))


def clip_weights(variables: Sequence[tf.Variable], limit: float) -> None:
    """Clips variables to [-limit, limit] (Arjovsky et al., WGAN, 2017, algorithm 1)."""
    for variable in variables:
        write(variable, tf.clip_by_value(tf.convert_to_tensor(variable), -limit, limit))


def all_finite(tensors: Sequence[tf.Tensor | None]) -> tf.Tensor:
    """Returns a scalar bool: no element is infinite, not a number, or too large for its square.

    One pass over the numbers, by the sum of their squares.
    """
    sums = [tf.nn.l2_loss(tensor) for tensor in tensors]
    return tf.math.is_finite(tf.add_n(sums)) if sums else tf.constant(True)


def ema_update(
    averages: Sequence[tf.Variable],
    sources: Sequence[tf.Variable | tf.Tensor],
    beta: float | tf.Tensor,
) -> None:
    """Moves each average towards its source: average <- source + (average - source) * beta
    (PGGAN, `Gs`).

    Args:
      averages, sources: lists of variables of equal shapes.
      beta: decay; 0 copies.
    """
    for average, source in zip(averages, sources):
        value = tf.convert_to_tensor(source)
        write(average, value + (average - value) * tf.cast(beta, value.dtype))


def replica_mean(tensors: list[tf.Tensor]) -> list[tf.Tensor]:
    """Returns the means over the replicas of a list of tensors; outside of replicas, the list."""
    replicas = tf.distribute.get_replica_context()
    if replicas is None or replicas.num_replicas_in_sync == 1:
        return tensors
    return replicas.all_reduce(tf.distribute.ReduceOp.MEAN, tensors)


def write(variable: tf.Variable, value: tf.Tensor) -> None:
    """Gives a variable a value that is the same in every replica: the door for all state writes.

    In a replica each copy is written where it is, without talking to the others; elsewhere all
    copies are.
    """
    if tf.distribute.has_strategy() and not tf.distribute.in_cross_replica_context():
        tf.raw_ops.AssignVariableOp(resource=variable.handle, value=value)
    else:
        variable.assign(value)


def _zero_unless(finite, gradients):
    """Returns the gradients, or zeros unless the scalar bool `finite`.

    The conditional hands gradients on without a copy, and holds nothing that talks to other
    replicas.
    """
    return tf.cond(finite, lambda: gradients, lambda: [tf.zeros_like(g) for g in gradients])


def _state(value, name):
    return tf.Variable(value, trainable=False, name=name)
