import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

import dataset_tool
from tf_facegan.records import schema
from tf_facegan.records.reader import RecordSet
from tf_facegan.sources import casia, cohn_kanade, landmarks, raf_db
from tf_facegan.sources.action_units import AUS
from tf_facegan.sources.expressions import EXPRESSIONS
from tf_facegan.sources.toy_faces import casting, layouts

ROOT = Path(__file__).resolve().parents[3]


def create(path, layout, **options):
    options = {"count": 14, "resolution": 16, "identities": 4, "workers": 1, **options}
    layouts.create(path, layout, **options)
    return path


def test_records_are_split_by_identity(tmp_path):
    create(tmp_path / "toy", "records", test_share=0.25)
    train, test = (RecordSet(tmp_path / "toy" / name) for name in ("train", "test"))
    assert (train.info.count, test.info.count) == (11, 3)
    assert train.info.shape == [3, 16, 16] and train.info.kind == schema.SINGLE_SIZE
    fields = train.info.fields
    assert fields["aus"]["names"] == list(AUS) and fields["aus"]["shape"] == [17]
    assert fields["expression"]["names"] == list(EXPRESSIONS)
    assert fields["identity"]["names"] == ["face 0", "face 1", "face 2"]
    assert test.info.fields["identity"]["names"] == ["face 3"]
    assert train.fields["landmarks"].shape == (11, 68, 2)
    cast = casting.split(casting.pictures(14, 4, seed=0, resolution=16), 0.25)["train"]
    images = train.read(range(11))
    for number, example in enumerate(cast):
        np.testing.assert_array_equal(images[number], layouts.load_image(example))
        np.testing.assert_array_equal(train.fields["aus"][number], example.aus)
        np.testing.assert_array_equal(train.fields["landmarks"][number], example.landmarks)
        assert train.fields["identity"][number] == example.identity
        assert train.fields["expression"][number] == example.expression


def test_one_set_of_many_sizes(tmp_path):
    create(tmp_path / "toy", "records", test_share=0, kind=schema.MULTI_RESOLUTION, seed=3)
    found = RecordSet(tmp_path / "toy")
    assert found.info.levels == [4, 3, 2]
    assert found.info.companions["regions"]["channels"] == 1
    assert (tmp_path / "toy" / "toy-regions-r04.tfrecords").is_file()
    assert len(set(found.fields["identity"])) == 4


def test_celeba(tmp_path):
    folder = create(tmp_path / "toy", "celeba")
    count, names, *lines = (folder / "list_attr_celeba.txt").read_text().splitlines()
    assert count == "14" and names.split() == list(AUS) and len(lines) == 14
    values = np.array([line.split()[1:] for line in lines], float)
    assert values.shape == (14, 17) and values.min() >= 0 and 2 < values.max() <= 5
    files = sorted((folder / "images_aligned").iterdir())
    assert [file.name for file in files] == [line.split()[0] for line in lines]
    assert cv2.imread(str(files[0])).shape == (16, 16, 3)


def test_raf(tmp_path):
    folder = create(tmp_path / "toy", "raf", test_share=0.5, count=16)
    labels, picture_dir = raf_db.read_labels(folder)
    assert len(labels) == 16 and all(file.is_file() for file in labels)
    assert sorted(file.name for file in labels)[::8] == [
        "test_0001_aligned.jpg",
        "train_00001_aligned.jpg",
    ]
    assert set(labels.values()) == set(range(7))
    original = cv2.imread(str(folder / "basic/Image/original/test_0003.jpg"))
    assert original.shape == (29, 29, 3)
    assert len(list((folder / "basic/Image/original").iterdir())) == 16
    assert cv2.imread(str(picture_dir / "test_0003_aligned.jpg")).shape == (16, 16, 3)


@pytest.mark.parametrize("flat", [False, True])
def test_ck(tmp_path, flat):
    folder = create(tmp_path / "toy", "ck", count=16, frames=4, identities=2, flat=flat)
    frames, problems = cohn_kanade.find_frames(folder, 16, peak_frames=2)
    assert not problems and len(frames) == 16
    assert [frame.expression for frame in frames[:4]] == [6, -1, 0, 0]
    assert len({frame.expression for frame in frames}) == 5
    assert {frame.subject for frame in frames} == {"S005", "S006"}
    example = casting.sequences(4, 2, 4, seed=0, resolution=16)[0][3]
    marks = "" if flat else "Landmarks/S005/001/"
    points = landmarks.read_points(folder / f"{marks}S005_001_00000004_landmarks.txt")
    np.testing.assert_allclose(points, example.landmarks, rtol=1e-6)
    if not flat:
        assert (folder / "cohn-kanade-images/S006/002/S006_002_00000001.png").is_file()
        assert len(list((folder / "Emotion").rglob("*.txt"))) == 4


def test_ck_begins_neutral_and_the_pose_drifts():
    first, *_, last = casting.sequences(1, 1, 6, seed=1, resolution=16)[0]
    assert not first.aus.any() and last.aus.max() > 2
    assert first.scene.light_azimuth == last.scene.light_azimuth
    assert 0 < abs(first.scene.yaw - last.scene.yaw) < 3


def test_casia(tmp_path):
    folder = create(tmp_path / "toy", "casia")
    found, problems = casia.find_faces(folder)
    assert len(found) == 14 and not problems
    assert (folder / "0000045" / "004.jpg") in found
    assert len({file.parent for file in found}) == 4


def test_casting_is_balanced():
    cast = casting.pictures(280, 10, seed=0, resolution=16)
    pairs = {(example.identity, example.expression) for example in cast}
    assert len(pairs) == 70
    assert len({example.number for example in cast}) == 280


def test_all_cores_draw_the_same(tmp_path):
    one = create(tmp_path / "one", "casia")
    two = create(tmp_path / "two", "casia", workers=2)
    for file in sorted(one.rglob("*.jpg")):
        assert file.read_bytes() == (two / file.relative_to(one)).read_bytes()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layout": "png"}, "--layout is 'png', expected one of records, celeba, raf, ck, casia"),
        ({"count": 0}, "--count is 0, at least 1 expected"),
        ({"layout": "ck", "count": 5, "frames": 6}, "--count is 5, at least 6 expected"),
        ({"seed": -1}, "--seed is -1, at least 0 expected"),
        ({"identities": 0}, "--identities is 0, at least 1 expected"),
        ({"identities": 1}, "--identities is 1, at least 2 expected to divide train from test"),
        ({"layout": "ck", "frames": 1}, "--frames is 1, at least 2 expected"),
        ({"test_share": 1.0}, "--test_share is 1.0, above 0 and below 1 expected"),
        ({"layout": "raf", "test_share": 0}, "--test_share is 0, above 0 and below 1 expected"),
        ({"variation": -1.0}, "--variation is -1.0, 0 or more expected"),
        ({"variation": float("nan")}, "--variation is nan, 0 or more expected"),
        (
            {"layout": "raf", "kind": schema.MULTI_RESOLUTION},
            "--kind multi-resolution is for --layout records, found --layout raf",
        ),
        ({"resolution": 4}, "--resolution is 4, at least 8 expected"),
        ({"kind": schema.MULTI_RESOLUTION, "resolution": 20}, "needs square images whose side"),
    ],
)
def test_wrong_arguments(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        create(tmp_path / "toy", **{"layout": "records", **options})
    assert not list(tmp_path.iterdir())


def test_an_output_is_replaced_only_if_asked(tmp_path):
    folder = create(tmp_path / "toy", "casia")
    with pytest.raises(ValueError, match="toy exists already; remove it or give --overwrite"):
        create(folder, "casia")
    for layout in ("casia", "raf", "celeba", "ck", "casia"):
        create(folder, layout, count=2, frames=2, overwrite=True)
    create(folder, "ck", count=2, frames=2, flat=True, overwrite=True)
    assert sorted(path.suffix for path in folder.iterdir()) == [".png", ".png", *[".txt"] * 3]
    (folder / "photo.png").write_text("mine")
    with pytest.raises(ValueError, match=r"toy: not replaced, because .*: photo\.png"):
        create(folder, "casia", overwrite=True)
    assert (folder / "photo.png").read_text() == "mine"


def test_command(tmp_path):
    argv = "create_toy_faces {} --layout raf --count 6 --resolution 16 --identities 3 --workers 1"
    args = dataset_tool.parse(["dataset_tool.py", *argv.format(tmp_path / "toy").split()])
    args.command(args)
    assert len(raf_db.read_labels(tmp_path / "toy")[0]) == 6
    choices = next(
        argument.options["choices"]
        for command in dataset_tool.COMMANDS
        for argument in command.arguments
        if argument.name == "--layout"
    )
    assert list(choices) == list(layouts.RESOLUTIONS)


def test_workers_need_no_tensorflow():
    code = (
        "import sys, tf_facegan.sources.toy_faces.layouts\n"
        "assert not {'tensorflow', 'pandas'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_action_units_on_their_own(tmp_path):
    create(tmp_path / "toy", "records", test_share=0, count=16, alone=0.5)
    found = RecordSet(tmp_path / "toy")
    assert "expression" not in found.fields
    plain = casting.pictures(16, 4, seed=0, resolution=16)
    same = [np.array_equal(e.aus, row) for e, row in zip(plain, found.fields["aus"])]
    assert sum(same) == 8 and same[:4] == [True] * 4 and same[4:8] == [False] * 4
    for options in ({"alone": 1.5}, {"alone": 0.5, "layout": "celeba"}):
        with pytest.raises(ValueError, match="--alone is"):
            create(tmp_path / "no", options.pop("layout", "records"), **options)
