"""One code path for every machine: a `tf.distribute.Strategy` over one or more devices."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from tf_facegan.engine.eager import release

_TASKS = ("chief", "worker")  # in the order of their numbers


def make_strategy(num_gpus: int = 1, logical_cpus: int = 0) -> tf.distribute.Strategy:
    """Returns the strategy to train under. Call it before any other TensorFlow operation.

    With `TF_CONFIG` in the environment that names several workers, this process is one of them: it
    waits until all are there.

    Args:
      num_gpus: int >= 1, of this machine. One without a GPU means the CPU.
      logical_cpus: int; above 0 the CPU is split into that many devices and GPUs are not used.

    Returns:
      `tf.distribute.OneDeviceStrategy` for one device, `tf.distribute.MirroredStrategy` for
      several, `tf.distribute.MultiWorkerMirroredStrategy` for several machines.

    Raises:
      ValueError: for more GPUs than there are, saying what to type instead; for a `TF_CONFIG` that
        cannot be used.
    """
    if num_gpus < 1:
        raise ValueError(f"--num_gpus {num_gpus}: expected at least 1")
    if logical_cpus < 0:
        raise ValueError(f"--logical_cpus {logical_cpus}: expected 0 or more")
    address = _own_address()
    if logical_cpus and address:
        raise ValueError(
            f"--logical_cpus {logical_cpus}: not with TF_CONFIG; start more workers instead, each "
            "is a device"
        )
    if logical_cpus:
        return _over(_split_cpu(logical_cpus))
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    if num_gpus > max(len(gpus), 1):
        alternative = f"--num_gpus {len(gpus)}" if gpus else "--num_gpus 1 (the CPU)"
        raise ValueError(
            f"{num_gpus} GPUs wanted, {len(gpus)} found: type {alternative}, "
            f"or --logical_cpus {num_gpus} to try the multi-device path on the CPU"
        )
    if address:
        return _over_workers(address, gpus[:num_gpus])
    if gpus:
        return _over([f"/gpu:{i}" for i in range(num_gpus)])
    return _over(["/cpu:0"])


def uses_gpus(strategy: tf.distribute.Strategy) -> bool:
    """Whether the strategy trains on GPUs."""
    return any("GPU" in device for device in strategy.extended.worker_devices)


def worker_addresses(strategy: tf.distribute.Strategy) -> tuple[list[str], int]:
    """Returns (list of "host:port" of the workers that train together, number of this one in it).

    The list is empty unless there are several machines. Number 0 is the chief.
    """
    resolver = strategy.cluster_resolver
    if resolver is None:
        return [], 0
    addresses = _addresses(resolver.cluster_spec().as_dict())
    return addresses, worker_number(strategy, resolver.task_type, resolver.task_id)


def worker_number(strategy: tf.distribute.Strategy, task_type: str, task_index: int) -> int:
    """Returns the number, in `worker_addresses`, of a task of the cluster."""
    return _number(strategy.cluster_resolver.cluster_spec().as_dict(), task_type, task_index)


def local_rows(strategy: tf.distribute.Strategy, batch: int) -> np.ndarray:
    """Returns the rows of a global batch that this machine trains on: int array, ascending.

    Args:
      strategy: the strategy in scope.
      batch: int, divisible by the number of replicas.
    """
    here = len(strategy.extended.worker_devices)
    _, number = worker_addresses(strategy)
    replica = np.arange(batch) % strategy.num_replicas_in_sync
    return np.flatnonzero(replica // here == number)


def split_batch(strategy: tf.distribute.Strategy, tensors: Any, is_local: bool = False) -> Any:
    """Deals a batch out to the replicas: sample i of replica r is sample i * R + r of the global
    batch.

    So the strided groups of the minibatch statistics hold the same samples on R devices as on one.

    Args:
      strategy: the strategy in scope.
      tensors: nested structure of tensors whose first axis is the global batch, divisible by R.
      is_local: the first axis is only the `local_rows` of the global batch.

    Returns:
      The structure of per-replica tensors, as `strategy.run` takes them.
    """
    release(tensors)
    if strategy.num_replicas_in_sync == 1:
        return tensors
    # Replicas r, r + 1, … of a machine hold every R-th row of the global batch each; in the local
    # rows these are every n-th for n local replicas.
    step = len(strategy.extended.worker_devices) if is_local else strategy.num_replicas_in_sync

    def deal(tensor):
        return strategy.experimental_distribute_values_from_function(
            lambda context: release(tensor[context.replica_id_in_sync_group % step :: step])
        )

    return tf.nest.map_structure(deal, tensors)


def _split_cpu(count):
    cpu = tf.config.list_physical_devices("CPU")[0]
    try:
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration()] * count
        )
    except RuntimeError:
        found = len(tf.config.list_logical_devices("CPU"))
        if found < count:
            raise ValueError(
                f"--logical_cpus {count}: TensorFlow already started with {found}"
            ) from None
    return [f"/cpu:{i}" for i in range(count)]


def _over(devices):
    if len(devices) == 1:
        return tf.distribute.OneDeviceStrategy(devices[0])
    # Reducing on one device adds in a fixed order, so that results repeat bit for bit.
    return tf.distribute.MirroredStrategy(
        devices, cross_device_ops=tf.distribute.ReductionToOneDevice()
    )


def _over_workers(address, gpus):
    """The strategy of one of several machines; waits for the others."""
    if gpus:
        tf.config.set_visible_devices(gpus, "GPU")
    kinds = tf.distribute.experimental.CommunicationImplementation
    options = tf.distribute.experimental.CommunicationOptions(
        implementation=kinds.AUTO if gpus else kinds.RING
    )
    try:
        return tf.distribute.MultiWorkerMirroredStrategy(communication_options=options)
    except tf.errors.OpError as error:
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"TF_CONFIG: this worker cannot listen at {address} (is the port free?): {reason}"
        ) from None


def _own_address():
    """The "host:port" of this process in `TF_CONFIG`; None unless that names several workers."""
    text = os.environ.get("TF_CONFIG")
    if not text:
        return None
    example = (
        '{"cluster": {"worker": ["host:port", …]}, "task": {"type": "worker", "index": 0}} expected'
    )
    try:
        config = json.loads(text)
        cluster, task = config.get("cluster", {}), config.get("task", {})
        addresses = _addresses(cluster)
        if len(addresses) < 2:
            return None
        kind, index = task["type"], int(task["index"])
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ValueError(f"TF_CONFIG is {text[:200]!r}; {example}") from None
    if set(cluster) - set(_TASKS):
        raise ValueError(f"TF_CONFIG: cluster of {', '.join(cluster)}; {' and '.join(_TASKS)} only")
    if kind not in cluster or not 0 <= index < len(cluster[kind]):
        raise ValueError(f"TF_CONFIG: task {kind} {index} is not in the cluster; {example}")
    return addresses[_number(cluster, kind, index)]


def _addresses(cluster):
    return [address for task in _TASKS for address in cluster.get(task, [])]


def _number(cluster, kind, index):
    return index + (len(cluster.get("chief", [])) if kind == "worker" else 0)


def run_replicas(
    strategy: tf.distribute.Strategy, function: Callable[..., dict[str, tf.Tensor]], args: tuple
) -> dict[str, tf.Tensor]:
    """Runs a function in every replica.

    Args:
      strategy: `tf.distribute.Strategy`.
      function: of `args`, in a replica; returns dict of name to scalar tensor.
      args: tuple, of per-replica values or the same for all.

    Returns:
      dict of name to scalar tensor: means over the replicas.
    """
    scalars = strategy.run(function, args=args)
    if strategy.num_replicas_in_sync == 1:
        return scalars
    mean = tf.distribute.ReduceOp.MEAN
    return {name: strategy.reduce(mean, value, axis=None) for name, value in scalars.items()}
