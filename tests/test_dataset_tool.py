import pickle
import shutil
import subprocess
import sys
import time
from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest

import dataset_tool
from tests.golden import recipe
from tests.records import sets
from tests.sources import small_folders, uv_folder
from tf_facegan.records.reader import RecordSet

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "tests" / "golden" / "tbgan" / "tfrecords.npz"
SEED, COUNT, SIZE, LABELS = 3002, 5, 16, 7


def run(*argv):
    """Runs the tool in this process; returns its exit code."""
    return dataset_tool.main(dataset_tool.parse(["dataset_tool.py", *map(str, argv)]))


@pytest.fixture(autouse=True)
def _keep_signals(monkeypatch):
    monkeypatch.setattr(dataset_tool.signal, "signal", lambda *args: None)


@pytest.fixture
def golden():
    return np.load(GOLDEN)


@pytest.fixture
def maps(tmp_path):
    return uv_folder.random_maps(tmp_path / "uv")


def create(folder, out, *options):
    parts = [folder / name for name in ("texture", "shape", "normals")]
    return run("create_from_pkl_img_norm", out, *parts, "--workers", 1, *options)


def inputs(name, kind, scale=1.0):
    shape = (COUNT, 3, SIZE, SIZE)
    return recipe.tensor(f"in/{name}", shape, SEED, scale=scale, kind=kind)


def check_levels(path, name, golden):
    found = RecordSet(path)
    for log2 in (2, 3, 4):
        expected = golden[f"{name}/{name}-r{log2:02d}.tfrecords"]
        records = found.read(range(COUNT), 1 << log2)
        assert records.dtype == expected.dtype
        np.testing.assert_array_equal(records, expected)


def test_the_published_command_is_reproduced(tmp_path, golden):
    textures = inputs("tex", "uniform", 256).astype(np.uint8)
    folder = uv_folder.write_maps(
        tmp_path / "uv", textures, inputs("shp", "signed"), inputs("nor", "signed"), np.float64
    )
    labels = recipe.tensor("in/labels", (COUNT, LABELS), SEED, scale=3)
    by_stem = {f"face{number:02d}": label for number, label in enumerate(labels)}
    (tmp_path / "labels.pkl").write_bytes(pickle.dumps(by_stem))
    assert create(folder, f"{tmp_path}/set9/", "--labels", tmp_path / "labels.pkl") == 0
    check_levels(tmp_path / "set9", "set9", golden)
    np.testing.assert_array_equal(
        np.load(tmp_path / "set9" / "set9-rxx.labels"), golden["set9/set9-rxx.labels"]
    )


def test_published_image_and_shape_commands_are_reproduced(tmp_path, golden):
    textures = inputs("tex", "uniform", 256).astype(np.uint8)
    shapes = inputs("shp", "signed")
    folder = uv_folder.write_maps(tmp_path / "uv", textures, shapes, shapes, np.float64)
    assert run("create_from_images", tmp_path / "set3", folder / "texture", "--workers", 1) == 0
    check_levels(tmp_path / "set3", "set3", golden)
    options = ("--shuffle", 0, "--workers", 1)
    assert run("create_from_pkl", tmp_path / "setp", folder / "shape", *options) == 0
    check_levels(tmp_path / "setp", "setp", golden)


def test_textures_and_shapes(maps, tmp_path):
    parts = [maps / name for name in ("texture", "shape")]
    assert run("create_from_pkl_img", tmp_path / "set6", *parts, "--workers", 1) == 0
    create(maps, tmp_path / "set9")
    nine = RecordSet(tmp_path / "set9").read(range(4))
    np.testing.assert_array_equal(RecordSet(tmp_path / "set6").read(range(4)), nine[:, :6])


def celeba(folder):
    folder.mkdir()
    cv2.imwrite(str(folder / "000001.png"), np.zeros((218, 178, 3), np.uint8))
    return folder


def data_base(folder):
    lmdb = pytest.importorskip("lmdb")
    content = cv2.imencode(".png", np.zeros((9, 7, 3), np.uint8))[1].tobytes()
    with lmdb.open(str(folder)) as made, made.begin(write=True) as transaction:
        transaction.put(b"one", content)
    return folder


def hdf5(path):
    with h5py.File(path, "w") as file:
        file["data"] = np.zeros((2, 1, 8, 8), np.uint8)
    return path


@pytest.mark.parametrize(
    ("command", "source", "options", "count", "shape"),
    [
        ("create_mnist", small_folders.mnist, (), 5, [1, 32, 32]),
        (
            "create_mnistrgb",
            small_folders.mnist,
            ("--num_images", 7, "--random_seed", 1),
            7,
            [3, 32, 32],
        ),
        ("create_cifar10", small_folders.cifar10, (), 5, [3, 32, 32]),
        ("create_cifar100", small_folders.cifar100, ("--max_images", 2), 2, [3, 32, 32]),
        ("create_svhn", small_folders.svhn, (), 5, [3, 32, 32]),
        ("create_celeba", celeba, ("--cx", 70, "--cy", 100), 1, [3, 128, 128]),
        ("create_lsun", data_base, ("--resolution", 16), 1, [3, 16, 16]),
        ("create_from_hdf5", hdf5, ("--shuffle", 0), 2, [1, 8, 8]),
    ],
)
def test_small_published_commands(tmp_path, command, source, options, count, shape):
    path = source(tmp_path / "source")
    assert run(command, tmp_path / "set", path, "--workers", 1, *options) == 0
    info = RecordSet(tmp_path / "set").info
    assert (info.count, info.shape) == (count, shape)


def test_options_of_images(tmp_path):
    (tmp_path / "photos").mkdir()
    cv2.imwrite(str(tmp_path / "photos" / "a.png"), np.zeros((20, 30, 3), np.uint8))
    options = ("--crop", "center", "--resolution", 10, "--kind", "single-size")
    assert run("create_from_images", tmp_path / "set", tmp_path / "photos", *options) == 0
    info = RecordSet(tmp_path / "set").info
    assert (info.kind, info.shape) == ("single-size", [3, 10, 10])


def test_celebahq_says_why_it_is_left_out(tmp_path, capsys):
    assert run("create_celebahq", tmp_path / "set", tmp_path, tmp_path) == 1
    assert "libraries that no longer exist" in line_of_error(capsys)


def test_help_is_quick_and_needs_no_tensorflow():
    code = (
        "import sys, dataset_tool\n"
        "try:\n"
        "    dataset_tool.parse(sys.argv)\n"
        "finally:\n"
        "    assert not {'tensorflow', 'cv2', 'pandas', 'numpy'} & set(sys.modules)\n"
    )
    started = time.perf_counter()
    output = subprocess.run(
        [sys.executable, "-c", code, "-h"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert time.perf_counter() - started < 3  # a second when nothing else runs
    for command in dataset_tool.COMMANDS:
        assert command.name in output


@pytest.mark.parametrize("command", dataset_tool.COMMANDS, ids=lambda command: command.name)
def test_every_commands_help_is_complete(capsys, command):
    with pytest.raises(SystemExit) as stopped:
        run(command.name, "-h")
    assert stopped.value.code == 0
    text = capsys.readouterr().out
    headings, output = text.splitlines(), " ".join(text.split())
    assert len(command.examples) == output.count(f" python dataset_tool.py {command.name} ") == 2
    for argument in command.arguments:
        assert argument.name in output
    assert output.count("(default: ") == sum(a.name.startswith("-") for a in command.arguments)
    assert {f"{a.group}:" for a in command.arguments if a.group} <= {*headings}
    for example in command.examples:
        assert f"python dataset_tool.py {command.name} {example}" in output
        parsed = dataset_tool.parse(["dataset_tool.py", command.name, *example.split()])
        assert parsed.command is command.function


def line_of_error(capsys):
    output = capsys.readouterr().err
    assert output.startswith("error: ")
    assert output.count("\n") == 1
    return output


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda f: shutil.rmtree(f / "shape"), "uv/shape: no such folder"),
        (lambda f: [p.unlink() for p in (f / "texture").iterdir()], "uv/texture: no *.png files"),
        (lambda f: (f / "shape/face01.pkl").unlink(), "uv/shape: no file for face01"),
        (lambda f: (f / "texture/face01.png").write_bytes(b"x"), "face01.png: not a readable"),
        (
            lambda f: (f / "normals/face01.pkl").write_bytes(b"cos\nsystem\n(Vtouch ran\ntR."),
            "normals/face01.pkl: refused, it asks for os.system",
        ),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(maps, tmp_path, capsys, break_it, message):
    break_it(maps)
    assert create(maps, tmp_path / "set") == 1
    assert message in line_of_error(capsys)
    assert [path.name for path in tmp_path.iterdir()] == ["uv"]


def test_sizes_are_checked(tmp_path, capsys):
    mixed = uv_folder.random_maps(tmp_path / "mixed", 2)
    small = uv_folder.random_maps(tmp_path / "small", 1, 4)
    for name, suffix in (("texture", "png"), ("shape", "pkl"), ("normals", "pkl")):
        shutil.copy(small / name / f"face00.{suffix}", mixed / name / f"face09.{suffix}")
    assert create(mixed, tmp_path / "set", "--shuffle", 0) == 1
    assert "face09: float32 [9, 4, 4], but the first example is" in line_of_error(capsys)
    odd = uv_folder.random_maps(tmp_path / "odd", 2, 12)
    assert create(odd, tmp_path / "set") == 1
    assert "face01: the size is 12x12; a multi-resolution set needs" in line_of_error(capsys)
    assert not (tmp_path / "set").exists()


def test_a_stem_without_labels(maps, tmp_path, capsys):
    labels = tmp_path / "labels.csv"
    labels.write_text("stem,joy\nface00,1\nface02,1\nface03,1\n")
    assert create(maps, tmp_path / "set", "--labels", labels) == 1
    assert "labels.csv: no labels for face01" in line_of_error(capsys)


def test_existing_output(maps, tmp_path, capsys):
    assert create(maps, tmp_path / "set") == 0
    assert create(maps, tmp_path / "set") == 1
    assert "set: exists; give --overwrite" in line_of_error(capsys)
    (maps / "texture" / "face03.png").unlink()
    (maps / "shape" / "face03.pkl").unlink()
    (maps / "normals" / "face03.pkl").unlink()
    assert create(maps, tmp_path / "set", "--overwrite") == 0
    assert RecordSet(tmp_path / "set").count == 3


def test_shuffling_is_the_published_one(tmp_path, golden):
    folder = uv_folder.random_maps(tmp_path / "uv", COUNT)
    create(folder, tmp_path / "sorted", "--shuffle", 0)
    create(folder, tmp_path / "shuffled")
    in_order = RecordSet(tmp_path / "sorted").read(range(COUNT))
    shuffled = RecordSet(tmp_path / "shuffled").read(range(COUNT))
    np.testing.assert_array_equal(shuffled, in_order[golden["order"]])


def test_compare(maps, tmp_path, capsys):
    labels = tmp_path / "labels.csv"
    labels.write_text("stem,joy\nface00,1\nface01,2\nface02,3\nface03,4\n")
    create(maps, tmp_path / "a", "--labels", labels, "--shuffle", 0)
    labels.write_text("stem,joy\nface00,1\nface01,7\nface02,3\nface03,4\n")
    uv_folder.write_texture(maps / "texture" / "face02.png", np.zeros((3, 8, 8), np.uint8))
    create(maps, tmp_path / "b", "--labels", labels, "--shuffle", 0)
    capsys.readouterr()
    assert run("compare", tmp_path / "a", tmp_path / "b") == 0
    assert capsys.readouterr().out.splitlines() == [
        "Label 1 is different",
        "Image 2 is different",
        "Identical images: 3 / 4",
        "Identical labels: 3 / 4",
    ]
    run("compare", tmp_path / "a", tmp_path / "b", "--ignore_labels", 1)
    assert "abel" not in capsys.readouterr().out
    sets.write(tmp_path / "c", sets.arrays(2))
    run("compare", tmp_path / "a", tmp_path / "c", "--ignore_labels", 1)
    assert "different numbers of images: 4 and 2" in capsys.readouterr().out


def test_extract_gives_the_textures_back(maps, tmp_path):
    create(maps, tmp_path / "set", "--shuffle", 0)
    assert run("extract", tmp_path / "set", tmp_path / "png") == 0
    names = [f"img{number:08d}{part}.png" for number in range(4) for part in ("", "_nor", "_shp")]
    assert sorted(path.name for path in (tmp_path / "png").iterdir()) == sorted(names)
    for number in range(4):
        extracted = cv2.imread(str(tmp_path / "png" / f"img{number:08d}.png"))
        original = cv2.imread(str(maps / "texture" / f"face{number:02d}.png"))
        np.testing.assert_array_equal(extracted, original)
    shape = cv2.imread(str(tmp_path / "png" / "img00000001_shp.png"))[:, :, ::-1]
    stored = pickle.loads((maps / "shape" / "face01.pkl").read_bytes())
    np.testing.assert_array_equal(shape, np.rint((stored + 1) * 127.5).transpose(1, 2, 0))


def test_extract_refuses_a_folder_with_content(maps, tmp_path, capsys):
    create(maps, tmp_path / "set")
    assert run("extract", tmp_path / "set", maps) == 1
    assert "uv: exists and is not empty" in line_of_error(capsys)


@pytest.mark.parametrize(
    ("channels", "dtype", "width"),
    [(9, "float32", 3), (6, "float32", 2), (3, "uint8", 1), (1, "uint8", 1), (2, "float32", 2)],
)
def test_contact_sheets(tmp_path, capsys, channels, dtype, width):
    images = sets.arrays(5, channels, 16, dtype)
    sets.write_foreign(tmp_path / "set", images, np.float32([[i, 0.5] for i in range(5)]))
    sheet = tmp_path / "sheet.png"
    options = ("--out", sheet, "--count", 2)
    assert run("display", tmp_path / "set", *options) == 0
    assert capsys.readouterr().out.splitlines()[:2] == ["0: 0.000 0.500", "1: 1.000 0.500"]
    picture = cv2.imread(str(sheet))
    tiles = {(16, 32 * width + 4, 3), (36, 16 * width, 3)}  # side by side, or below each other
    assert picture.shape in tiles
    first = picture[:16, :16, ::-1].transpose(2, 0, 1)
    values = images[0] if dtype == "uint8" else np.rint((images[0] + 1) * 127.5)
    expected = values[:3] if channels in (3, 6, 9) else np.repeat(values[:1], 3, axis=0)
    np.testing.assert_array_equal(first, expected)
    assert run("display", tmp_path / "set", *options, "--level", 4) == 0
    assert cv2.imread(str(sheet)).size < picture.size


def test_display_without_a_display(maps, tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    create(maps, tmp_path / "set")
    assert run("display", tmp_path / "set") == 1
    assert "--out" in line_of_error(capsys)
    assert run("display", tmp_path / "set", "--out", tmp_path / "s.png", "--level", 5) == 1
    assert "no level of 5 pixels; there are 4, 8" in capsys.readouterr().err
