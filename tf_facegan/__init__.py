"""Facial-expression and 3D-face GANs in TensorFlow 2 / Keras.

Example:
  pipeline = tf_facegan.load("latest")
"""

__version__ = "0.1.0"
__all__ = ["load"]


def load(path_or_run_id, snapshot=None, result_dir="results", **options):
    """Loads the pipeline of any trained run or model folder: see `tf_facegan.pipelines.load`."""
    from tf_facegan import pipelines

    return pipelines.load(path_or_run_id, snapshot, result_dir, **options)
