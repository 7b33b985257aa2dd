"""One code path for every machine: a `tf.distribute.Strategy` over one or more devices."""

import tensorflow as tf


def make_strategy(num_gpus=1, logical_cpus=0):
    """Returns the strategy to train under. Call it before any other TensorFlow operation.

    Args:
      num_gpus: int >= 1. One without a GPU means the CPU.
      logical_cpus: int; above 0 the CPU is split into that many devices and GPUs are not used.

    Returns:
      `tf.distribute.OneDeviceStrategy` for one device, else `tf.distribute.MirroredStrategy`.

    Raises:
      ValueError: for more GPUs than there are, saying what to type instead.
    """
    if num_gpus < 1:
        raise ValueError(f"--num_gpus {num_gpus}: expected at least 1")
    if logical_cpus < 0:
        raise ValueError(f"--logical_cpus {logical_cpus}: expected 0 or more")
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
    if gpus:
        return _over([f"/gpu:{i}" for i in range(num_gpus)])
    return _over(["/cpu:0"])


def uses_gpus(strategy):
    """Whether the strategy trains on GPUs."""
    return any("GPU" in device for device in strategy.extended.worker_devices)


def split_batch(strategy, tensors):
    """Deals a global batch out to the replicas: sample i of replica r is sample i * R + r.

    So the strided groups of the minibatch statistics hold the same samples on R devices as on one.

    Args:
      strategy: the strategy in scope.
      tensors: nested structure of tensors whose first axis is the global batch, divisible by R.

    Returns:
      The structure of per-replica tensors, as `strategy.run` takes them.
    """
    replicas = strategy.num_replicas_in_sync
    if replicas == 1:
        return tensors

    def deal(tensor):
        return strategy.experimental_distribute_values_from_function(
            lambda context: tensor[context.replica_id_in_sync_group :: replicas]
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
