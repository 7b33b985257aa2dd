"""train.py as a user types it."""

import os
import subprocess
import sys
from pathlib import Path

import imageio
import numpy as np
import pytest

import configs
import train
from tests import tiny
from tf_facegan.engine import run_folder

ROOT = Path(__file__).parents[1]


def command(*args, cwd=ROOT):
    env = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    line = [sys.executable, str(ROOT / "train.py"), *map(str, args)]
    return subprocess.run(line, cwd=cwd, env=env, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def results(faces, tmp_path_factory):
    """A result folder with one finished run over four logical devices."""
    folder = tmp_path_factory.mktemp("results")
    flags = ["--preset", "v2-4gpus", "--dataset", faces, "--result_dir", folder]
    changes = {
        "schedule.minibatch_base": 16,
        "train.total_kimg": 0.112,
    }
    done = command(*flags, "--logical_cpus", 4, "--mod", "norepeat", *tiny.set_flags(changes))
    assert done.returncode == 0, done.stderr
    assert "Done in" in done.stdout
    assert "with train.total_kimg=0.112 training ends at level of detail" in done.stderr
    return folder


def test_a_run_folder_holds_what_the_documentation_says(results):
    (run,) = results.iterdir()
    assert run.name == "000-pgan-faces-preset-v2-4gpus-norepeat"
    names = {path.name for path in run.iterdir()}
    expected = {"config.json", "dataset.json", "log.txt", "_training-done.txt", "checkpoints"}
    expected |= {f"reals{e}.png" for e in ("", "_shp", "_nor")}
    expected |= {f"fakes000000{e}.png" for e in ("", "_shp", "_nor")}
    expected |= {"network-snapshot-000000.npz", "network-final.npz"}
    assert expected <= names
    assert any(name.startswith("events.out.tfevents") for name in names)
    config = run_folder.RunFolder(run).load_config()
    assert config.runtime.logical_cpus == 4 and config.train.minibatch_repeats == 2


def test_the_log_has_the_published_columns(results):
    (run,) = results.iterdir()
    lines = [li for li in (run / "log.txt").read_text().splitlines() if li.startswith("tick")]
    assert len(lines) == 4
    assert lines[0].split()[::2][:6] == ["tick", "kimg", "lod", "minibatch", "time", "sec/tick"]
    assert lines[0].startswith("tick 1     kimg 0.0      lod 1.00  minibatch 16   time ")


def test_tensorboard_events_have_losses_and_progress(results):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    (run,) = results.iterdir()
    events = EventAccumulator(str(run), size_guidance={"tensors": 0}).Reload()
    tags = events.Tags()["tensors"]
    for tag in ("Loss/mixed_norms", "TrainG/learning_rate", "Progress/lod", "Timing/total_sec"):
        assert tag in tags
    steps = [event.step for event in events.Tensors("Progress/kimg")]
    assert steps == sorted(steps) and steps[-1] == 128


def test_black_images_with_graph_and_histograms(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.compat.proto import config_pb2

    mods = [word for mod in ("GRAPH", "syn1024rgb", "HIST") for word in ("--mod", mod)]
    changes = {"data.synthetic": (3, 8), "train.total_kimg": 0.032}
    flags = ["--preset", "demo", *mods, *tiny.set_flags(changes), "--result_dir", tmp_path]
    done = command(*flags)
    assert done.returncode == 0, done.stderr
    (run,) = tmp_path.iterdir()
    assert run.name == "000-pgan-syn1024rgb-preset-demo-GRAPH-HIST"
    events = EventAccumulator(str(run), size_guidance={"tensors": 0}).Reload()
    assert {"G_weight/4x4_Conv", "D_bias/FromRGB_lod1"} <= set(events.Tags()["tensors"])
    assert events.SummaryMetadata("step").plugin_data.plugin_name == "graph_run_metadata_graph"
    traced = config_pb2.RunMetadata.FromString(events.Tensors("step")[0].tensor_proto.string_val[0])
    assert max(len(g.pre_optimization_graph.node) for g in traced.function_graphs) > 500


def test_a_set_and_black_images(faces, tmp_path, capsys):
    flags = ["--preset", "demo", "--mod", "syn1024rgb", "--dataset", str(faces)]
    assert train.main([*flags, "--result_dir", str(tmp_path)]) == 1
    assert "expected a folder for the role `faces`, or synthetic images" in capsys.readouterr().err


def test_published_data_sets():
    """They take effect before other modifiers, and name the run as the published file does."""
    args = train.parse(["--preset", "v2-1gpu", "--mod", "cond", "--mod", "lsun-cat", "--dry_run"])
    config = train.new_config(args)
    assert config.desc == "pgan-lsun-cat-preset-v2-1gpu-cond"
    assert config.data.sets == {"faces": "datasets/lsun-cat-100k"}
    assert config.data.mirror_augment and config.data.max_label_size == "full"
    assert config.G.fmap_mult == config.D.fmap_mult == 1
    assert config.G.branches == config.D.branches == (("image", 3),)
    args = train.parse(["--preset", "v2-1gpu", "--mod", "mnist", "--dataset", "my/digits"])
    config = train.new_config(args)
    assert config.desc == "pgan-digits-preset-v2-1gpu-mnist"
    assert config.data.max_label_size == 0 and config.G.branches == (("image", 1),)
    published = ["--mod", "3dmd_all_newuv_crop_tf", "--mod", "VERBOSE"]
    expected = "pgan-3dmd_all_newuv_crop_tf-preset-v2-4gpus-VERBOSE"
    assert train.new_config(train.parse(published)).desc == expected
    assert train.new_config(train.parse(["--mod", "3dmd"])).desc == "pgan-3dmd-preset-v2-4gpus"
    assert len(configs.DATA_SETS["tbgan"]) == 40


def test_interpolation_video(results):
    sets = ["--set", "duration_sec=0.5", "--set", "grid_size=[2, 1]", "--set", "image_zoom=4"]
    flags = ["--utility", "generate_interpolation_video", "--run_id", 0, "--result_dir", results]
    done = command(*flags, *sets)
    assert done.returncode == 0, done.stderr
    path = Path(done.stdout.strip())
    assert path.name == "000-pgan-faces-preset-v2-4gpus-norepeat-network-final-lerp.mp4"
    assert (path.parent / "_done.txt").is_file()
    frames = np.stack(list(imageio.get_reader(path).iter_data()))
    # three modalities side by side, two faces each, eight pixels four times enlarged
    assert frames.shape == (15, 32, 3 * 2 * 32, 3)
    assert np.abs(np.diff(frames.astype(int), axis=0)).max() > 0
    with open(path, "rb") as file:
        assert b"avc1" in file.read()  # H.264


def test_meshes_need_a_uv_layout(results):
    flags = ["--utility", "generate_textured_meshes", "--result_dir", results]
    done = command(*flags)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and "no uv_layout.npz" in done.stderr
    assert not list(results.glob("*textured-meshes*"))


@pytest.mark.parametrize(
    "flags, message",
    [
        (["--preset", "v2-4gpu"], "--preset v2-4gpu: unknown (did you mean 'v2-4gpus'?)"),
        (
            ["--mod", "fp23", "--dataset", "x"],
            "--mod fp23: unknown for tbgan (did you mean 'fp32'?)",
        ),
        (["--preset", "demo"], "no data set: give --dataset DIR"),
        (["--preset", "demo", "--dataset", "nowhere"], "nowhere"),
        (
            ["--preset", "tdgan-raf", "--dataset", "x"],
            "no data set: give --dataset expressions=DIR (",
        ),
        (
            ["--preset", "tdgan-raf"],
            "no data set: give --dataset faces=DIR and --dataset expressions=DIR (",
        ),
        (
            ["--preset", "tdgan-raf", "--dataset", "face=x"],
            "--dataset face=x: tdgan has no role 'face' (did you mean 'faces'?); it has: faces,",
        ),
        (
            ["--preset", "tdgan-raf", "--dataset", "x", "--dataset", "faces=y"],
            "--dataset faces=y: there is a set for the role 'faces' already",
        ),
        (
            ["--preset", "demo", "--dataset", "x", "--dataset", "y"],
            "--dataset y: there is a set for the role 'faces' already",
        ),
        (["--dataset", "x"], "4 GPUs wanted, 0 found: type --num_gpus 1 (the CPU)"),
        (["--preset", "demo", "--dataset", "x", "--set", "G.fmap=3"], "did you mean 'fmap_"),
        (["--resume", "77"], "run '77' not found"),
        (["--resume", "latest", "--dataset", "x"], "--dataset cannot be given with --resume"),
        (["--utility", "generate_video"], "unknown utility 'generate_video'"),
        (
            ["--utility", "generate_interpolation_video", "--run_id", "9"],
            "run '9' not found",
        ),
        (
            ["--utility", "generate_interpolation_video", "--set", "duration=3"],
            "unknown field 'duration' (did you mean 'duration_sec'?)",
        ),
        (
            ["--utility", "generate_interpolation_video", "--set", "duration_sec=0"],
            "duration_sec=0.0: no frame at 30 fps",
        ),
        (
            ["--utility", "generate_interpolation_video", "--set", "mp4_codec=nothing"],
            "cannot be written with codec nothing",
        ),
        (
            ["--utility", "generate_interpolation_video", "--snapshot", "5"],
            "no network-snapshot-000005.npz",
        ),
    ],
)
def test_a_mistake_is_one_line(flags, message, results, capsys):
    before = sorted(results.iterdir())
    assert train.main([*flags, "--result_dir", str(results)]) == 1
    captured = capsys.readouterr()
    (line,) = [text for text in captured.err.splitlines() if text.startswith("error: ")]
    assert message in line
    assert "Traceback" not in captured.err
    assert sorted(results.iterdir()) == before


@pytest.mark.parametrize(
    "tool, flags, message",
    [
        ("train.py", ["--datasets", "x"], "unrecognized arguments: --datasets x"),
        ("train.py", ["--num_gpus", "two"], "argument --num_gpus: invalid int value: 'two'"),
        ("dataset_tool.py", ["create_from_nothing"], "invalid choice: 'create_from_nothing'"),
        ("dataset_tool.py", ["display"], "the following arguments are required"),
    ],
)
def test_a_wrong_flag_is_one_line(tool, flags, message):
    line = [sys.executable, tool, *flags]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert message in done.stderr


def test_dry_run_prints_everything_and_makes_nothing(tmp_path, capsys):
    results = tmp_path / "results"
    assert train.main(["--preset", "v2-4gpus", "--dry_run", "--result_dir", str(results)]) == 0
    printed = capsys.readouterr().out
    assert "G_lrate_dict = {256: 0.0015, 512: 0.002, 1024: 0.003}" in printed
    assert "206,959,464" in printed and "204,161,384" in printed and "GB" in printed
    assert not results.exists()


def test_sets_by_role(tmp_path, capsys):
    odd = tmp_path / "a=b"
    odd.mkdir()
    flags = ["--preset", "tdgan-raf", "--dry_run"]
    flags += ["--dataset", str(odd), "--dataset", "expressions=raf/x=y", "--dataset", "test=t"]
    assert train.main(flags) == 0
    expected = {"faces": str(odd), "expressions": "raf/x=y", "test": "t"}
    printed = capsys.readouterr().out
    assert f"sets = {expected!r}" in printed and "desc = 'tdgan-a=b-preset-tdgan-raf'" in printed


@pytest.mark.parametrize("tool", ("train.py", "dataset_tool.py"))
def test_help_does_not_import_tensorflow(tool):
    code = (
        f"import sys, runpy; sys.argv = ['{tool}', '-h']\n"
        f"try: runpy.run_path('{tool}', run_name='__main__')\n"
        "except SystemExit as stop: assert not stop.code\n"
        "assert 'tensorflow' not in sys.modules and 'menpo' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "usage:" in done.stdout
