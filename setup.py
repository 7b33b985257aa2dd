"""Packaging of tf_facegan. `make setup` installs the pinned versions of requirements.lock."""

from pathlib import Path

from setuptools import find_packages, setup

EXTRAS = {
    # Built from source: numpy must be installed before it, Cython must not be (see README).
    "mesh": ["menpo3d==0.8.*"],
    # A newer jax, which MediaPipe asks for, does not go with TensorFlow 2.15.
    "landmarks": ["mediapipe==0.10.14", "jax<0.4.35", "opencv-contrib-python<4.12"],
    "demo": ["gradio>=6.31,<7"],
    # onnxruntime checks what was written; newer onnx does not go with tf2onnx.
    "export": ["onnx==1.16.2", "tf2onnx>=1.16.1", "onnxruntime==1.18.*"],
    "lsun": ["lmdb"],
    "ranking": ["trueskill==0.4.5"],
}

setup(
    name="tf_facegan",
    version="0.1.0",
    description="Facial-expression and 3D-face GANs in TensorFlow 2 / Keras",
    long_description=(Path(__file__).parent / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.9,<3.12",
    packages=find_packages(include=["tf_facegan", "tf_facegan.*"]),
    package_data={"tf_facegan": ["py.typed"]},
    install_requires=[
        "tensorflow==2.15.*",
        "tensorflow-addons==0.23.*",
        "numpy==1.26.*",
        "opencv-python<4.12",
        "menpo==0.11.*",
        "Pillow",
        "h5py",
        "matplotlib",
        "pandas",
        "scipy",
        "absl-py",
        "google-crc32c",
        "imageio",
        "imageio-ffmpeg",
        "tqdm",
        "setuptools<81",
    ],
    extras_require={
        **EXTRAS,
        "mediapipe": EXTRAS["landmarks"],  # its earlier name
        "all": sorted({package for packages in EXTRAS.values() for package in packages}),
        "test": ["pytest", "hypothesis", "ruff", "lmdb", "selenium"],
    },
)
