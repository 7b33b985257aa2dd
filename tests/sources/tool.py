"""Running dataset_tool.py within a test, and pictures to run it on."""

import numpy as np
from PIL import Image

import dataset_tool
from tf_facegan import command_line


def run(*argv):
    """Runs the tool in one process; returns its exit code."""
    argv = ["dataset_tool.py", *map(str, argv)]
    args = dataset_tool.parse([*argv, "--workers", "1"] if argv[1].startswith("create") else argv)
    return command_line.run(args.command, args)


def error_of(capsys, *argv):
    """Runs the tool, which has to fail; returns its one line."""
    capsys.readouterr()
    assert run(*argv) == 1
    output = capsys.readouterr().err
    assert output.startswith("error: ") and output.count("\n") == 1
    return output


def random_image(seed, width=8, height=8):
    """Repeatable smooth picture, uint8 [height, width, 3]."""
    small = np.random.RandomState(seed).randint(0, 256, (4, 4, 3)).astype(np.uint8)
    return np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))


def write_image(path, seed=0, width=8, height=8, mode="RGB"):
    """Writes a random picture; returns it as an array of the mode."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(random_image(seed, width, height)).convert(mode)
    image.save(path)
    return np.asarray(image)
