import pickle

import cv2
import numpy as np
import pytest

from tests.sources import uv_folder
from tf_facegan.records.reader import RecordSet
from tf_facegan.sources import uv_maps


@pytest.fixture
def folder(tmp_path):
    return uv_folder.random_maps(tmp_path / "uv")


def folders(folder, modalities=("texture", "shape", "normals")):
    return {name: folder / name for name in modalities}


def faces(folder):
    return uv_maps.find_faces(folders(folder))


def load(face):
    return uv_maps.load_maps(face, ("texture", "shape", "normals"))


def create(folder, **options):
    return uv_maps.create_set(folder.parent / "set", folders(folder), workers=1, **options)


def test_files_are_matched_by_stem_whatever_their_order(folder):
    # A listing in order of time or of size would pair other faces.
    last = folder / "normals" / "face00.pkl"
    content = last.read_bytes()
    last.unlink()
    last.write_bytes(content)
    np.save(folder / "shape" / "face01.npy", np.zeros((3, 8, 8)))
    (folder / "shape" / "face01.pkl").unlink()
    found = faces(folder)
    assert [face.stem for face in found] == ["face00", "face01", "face02", "face03"]
    for face in found:
        assert [path.parent.name for path in face.paths] == ["texture", "shape", "normals"]
        assert {path.stem for path in face.paths} == {face.stem}


def test_one_example(folder):
    texture = np.arange(192, dtype=np.uint8).reshape(3, 8, 8)
    uv_folder.write_texture(folder / "texture" / "face00.png", texture)
    maps = load(faces(folder)[0])
    assert maps.shape == (9, 8, 8)
    assert maps.dtype == np.float32
    expected = (texture / 255.0).astype(np.float32) * 2 - 1
    np.testing.assert_array_equal(maps[:3], expected)
    for first, name in ((3, "shape"), (6, "normals")):
        stored = pickle.loads((folder / name / "face00.pkl").read_bytes())
        np.testing.assert_array_equal(maps[first : first + 3], stored)


@pytest.mark.parametrize(
    ("break_it", "error", "message"),
    [
        (lambda f: (f / "shape/face02.pkl").unlink(), ValueError, "shape: no file for face02,"),
        (lambda f: (f / "texture/face02.png").unlink(), ValueError, "texture: no file for face02"),
        (
            lambda f: np.save(f / "shape/face02.npy", np.zeros(1)),
            ValueError,
            r"face02\.pkl: a second file for face02",
        ),
        (lambda f: [p.unlink() for p in (f / "normals").iterdir()], FileNotFoundError, "no .*pkl"),
        (lambda f: (f / "normals").rename(f / "n"), FileNotFoundError, "normals: no such folder"),
    ],
)
def test_files_that_do_not_match(folder, break_it, error, message):
    break_it(folder)
    with pytest.raises(error, match=message):
        faces(folder)


def write_pickle(path, array):
    path.write_bytes(pickle.dumps(array))


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda f: (f / "texture/face00.png").write_bytes(b"x"), r"face00\.png: not a readable"),
        (lambda f: (f / "texture/face00.png").write_bytes(b""), r"face00\.png: not a readable"),
        (
            lambda f: cv2.imwrite(str(f / "texture/face00.png"), np.zeros((8, 8, 3), np.uint16)),
            r"face00\.png: uint16 values, 8 bits",
        ),
        (
            lambda f: cv2.imwrite(str(f / "texture/face00.png"), np.zeros((8, 8), np.uint8)),
            r"face00\.png: grey, 3 channels",
        ),
        (
            lambda f: write_pickle(f / "shape/face00.pkl", np.zeros((8, 8, 3))),
            r"face00\.pkl: shape \[8, 8, 3\], \[3, S, S\] expected \(the channels come first\)",
        ),
        (
            lambda f: write_pickle(f / "normals/face00.pkl", np.zeros((3, 4, 4))),
            r"normals/face00\.pkl: shape \[3, 4, 4\], but .*face00\.png is 8x8",
        ),
        (
            lambda f: write_pickle(f / "shape/face00.pkl", np.full((3, 8, 8), np.nan)),
            r"shape/face00\.pkl: holds NaN",
        ),
        (
            lambda f: write_pickle(f / "shape/face00.pkl", np.zeros((3, 8, 8), np.uint8)),
            r"face00\.pkl: uint8 values, floating point",
        ),
        (
            lambda f: (f / "shape/face00.pkl").write_bytes(b"cos\nsystem\n(Vfalse\ntR."),
            r"shape/face00\.pkl: refused, it asks for os\.system",
        ),
    ],
)
def test_bad_files_are_named(folder, break_it, message):
    break_it(folder)
    with pytest.raises(ValueError, match=message):
        load(faces(folder)[0])


@pytest.mark.parametrize("modalities", [("shape",), ("texture", "shape")])
def test_some_modalities_only(folder, modalities):
    info = uv_maps.create_set(
        folder.parent / "set", folders(folder, modalities), shuffle=False, workers=1
    )
    assert info.modalities == [[name, 3] for name in modalities]
    found = RecordSet(folder.parent / "set").read(range(4))
    start = 0 if "texture" in modalities else 3
    expected = np.stack([load(face) for face in faces(folder)])
    np.testing.assert_array_equal(found, expected[:, start : start + 3 * len(modalities)])


def test_shapes_that_are_not_square_are_named(folder):
    write_pickle(folder / "shape" / "face02.pkl", np.zeros((3, 8, 4), np.float32))
    with pytest.raises(ValueError, match=r"face02: float32 \[3, 8, 4\], but the first"):
        uv_maps.create_set(folder.parent / "set", folders(folder, ("shape",)), workers=1)


def test_the_uv_layout_goes_with_the_set(folder):
    np.savez(folder / "uv_layout.npz", tcoords=np.zeros((2, 2)))
    create(folder)
    assert RecordSet(folder.parent / "set").uv_layout.name == "uv_layout.npz"


def test_labels_follow_their_faces(folder):
    labels = folder / "my_labels.csv"
    rows = [f"face{number:02d},{number},{number * 10}" for number in (3, 1, 0, 2)]
    labels.write_text("\n".join(["stem,neutral,joy", *rows]))
    create(folder, labels=labels)
    found = RecordSet(folder.parent / "set")
    assert found.info.labels == {"size": 2, "kind": "class", "names": ["neutral", "joy"]}
    for number, label in enumerate(found.labels):
        face = int(label[0])
        assert label[1] == 10 * face
        maps = load(faces(folder)[face])
        np.testing.assert_array_equal(found.read([number])[0], maps)


def test_labels_are_not_taken_unasked(folder):
    (folder / "labels.csv").write_text("stem,joy\nface00,1\n")
    create(folder, shuffle=False)
    found = RecordSet(folder.parent / "set")
    assert found.labels.shape == (4, 0)
    expected = [load(face) for face in faces(folder)]
    np.testing.assert_array_equal(found.read(range(4)), expected)


def test_values_out_of_range_are_reported(folder, caplog):
    write_pickle(folder / "shape" / "face02.pkl", np.full((3, 8, 8), 1.5, np.float32))
    create(folder)
    (message,) = [record.getMessage() for record in caplog.records]
    assert message.startswith("1 of 4 examples have values outside [-1, 1]; the worst is face02")
