"""That RD-GAN learns: on toy sequences of people it has never seen."""

import time

import pytest

import dataset_tool
import train
from tf_facegan import command_line
from tf_facegan.rdgan import evaluation, prediction
from tf_facegan.records.reader import RecordSet

CLOSED = 0.5  # share of the source's distance to a SSIM of 1 that has to go


def build(*words):
    args = dataset_tool.parse(["dataset_tool.py", *map(str, words)])
    assert command_line.run(args.command, args) == 0


@pytest.fixture(scope="module")
def toy_sequences(tmp_path_factory):
    """The set of `docs/rdgan.md`."""
    folder = tmp_path_factory.mktemp("toy")
    looks = ["--frames", 2, "--identities", 2400, "--resolution", 40, "--variation", 0]
    faces, records = folder / "ck", folder / "records"
    build("create_toy_faces", faces, "--layout", "ck", "--count", 4800, *looks)
    build("create_ck", records, faces, "--resolution", 32)
    return records


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_the_toy_preset_learns(toy_sequences, tmp_path, seed, capsys):
    from tf_facegan.rdgan.inference import RDGANPipeline

    start = time.perf_counter(), time.process_time()
    words = ["--preset", "rdgan-toy", "--dataset", toy_sequences, "--result_dir", tmp_path]
    assert train.main([str(word) for word in [*words, "--set", f"random_seed={seed}"]]) == 0
    minutes = (time.perf_counter() - start[0]) / 60, (time.process_time() - start[1]) / 60
    pipeline = RDGANPipeline.from_run("latest", result_dir=tmp_path)
    records = RecordSet(toy_sequences)
    held_out = prediction.frames_of(records, pipeline.config, "held_out")
    found = evaluation.means(evaluation.evaluate(pipeline, records, held_out))
    with capsys.disabled():
        values = ", ".join(f"{name} {value:.4f}" for name, value in found.items())
        print(f"\nseed {seed}: {minutes[0]:.1f} minutes, {minutes[1]:.1f} of a core; {values}")
    source, face, fine = (found[f"{name}_ssim"] for name in ("source", "face", "fine"))
    assert fine >= source + CLOSED * (1 - source)
    assert fine >= face
