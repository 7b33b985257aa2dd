import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

import dataset_tool
from tests.sources import tool
from tf_facegan.dataset_commands import arguments
from tf_facegan.records.reader import RecordSet
from tf_facegan.sources import faces, toy_faces
from tf_facegan.sources.action_units import AUS
from tf_facegan.sources.images import read_rgb

GREY = (140, 153, 168)  # the background of a toy face's plain scene, nearly


def toy(seed=3, side=256, roll=0.0):
    scene = toy_faces.Scene(roll=roll)
    return toy_faces.render(toy_faces.Identity.random(seed), np.zeros(17), scene, side)


def photo_of(*places, size=(400, 500)):
    """A photo (height, width) of toy faces at (left, top, side)."""
    photo = np.full([*size, 3], GREY, np.uint8)
    for seed, (left, top, side) in enumerate(places):
        photo[top : top + side, left : left + side] = toy(seed, side).image
    return photo


@pytest.fixture(scope="module")
def photo():
    return photo_of((100, 60, 240))


def noise(shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


# Finding


def expected_square(landmarks):
    """(centre, side) of the square from the brows to the chin."""
    low, high = landmarks.min(axis=0), landmarks.max(axis=0)
    side = 1.09 * np.sqrt(np.prod(high - low))
    return (low + high) / 2 - [0, 0.1 * side], side


@pytest.mark.parametrize("seed", range(6))
def test_a_face_is_where_its_landmarks_are(seed):
    face = toy(seed)
    (found,) = faces.find_faces(face.image)
    centre, side = expected_square(face.landmarks)
    np.testing.assert_allclose(found.centre, centre, atol=0.08 * side)
    assert abs(found.side / side - 1) < 0.15
    assert abs(found.angle) < 4


@pytest.mark.parametrize("side", [64, 1500])
def test_the_size_of_the_picture_does_not_matter(side):
    face = toy(2, 256)
    image = cv2.resize(face.image, (side, side), interpolation=cv2.INTER_AREA)
    (found,) = faces.find_faces(image)
    centre, expected = expected_square((face.landmarks + 0.5) * side / 256 - 0.5)
    np.testing.assert_allclose(found.centre, centre, atol=0.08 * expected)


@pytest.mark.parametrize("angle", [-35, -10, 8, 30])
def test_a_tilted_face_is_found_and_levelled(angle):
    face = toy(4)
    turn = cv2.getRotationMatrix2D((127.5, 127.5), -angle, 0.8)
    image = cv2.warpAffine(face.image, turn, (256, 256), borderMode=cv2.BORDER_REPLICATE)
    (found,) = faces.find_faces(image)
    assert abs(found.angle - angle) < 4
    crop = faces.find_crop(image, faces.CropOptions(), 128)
    marks = crop.to_crop(face.landmarks @ turn[:, :2].T + turn[:, 2])
    left_eye, right_eye = marks[36:42].mean(axis=0), marks[42:48].mean(axis=0)
    slope = np.degrees(np.arctan2(*(right_eye - left_eye)[::-1]))
    assert abs(slope) < 4
    assert marks[36:48, 1].mean() < marks[48:, 1].mean()  # the right way up


def test_a_face_that_fills_the_picture():
    face = toy(1)
    (low, high) = face.landmarks.min(axis=0).astype(int), face.landmarks.max(axis=0).astype(int)
    tight = face.image[low[1] - 10 : high[1], low[0] : high[0]]
    assert len(faces.find_faces(tight)) == 1


def test_several_faces_the_largest_first():
    found = faces.find_faces(photo_of((20, 20, 120), (200, 100, 260)))
    assert len(found) == 2
    assert found[0].side > 1.5 * found[1].side
    assert found[1].centre[0] < 150


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 3000, 3), (3000, 10, 3)])
def test_odd_shapes_hold_no_face(shape):
    assert faces.find_faces(noise(shape)) == []


def test_no_face():
    ramp = np.broadcast_to(np.arange(200, dtype=np.uint8)[:, None, None], (200, 150, 3))
    assert faces.find_faces(ramp) == []


def test_the_same_picture_gives_the_same_faces(photo):
    first, again = (faces.find_faces(photo)[0] for _ in range(2))
    np.testing.assert_array_equal(first.centre, again.centre)
    assert (first.side, first.angle, first.confidence) == (
        again.side,
        again.angle,
        again.confidence,
    )


def test_views_are_pictures_too(photo):
    mirrored = photo[:, ::-1]
    assert not mirrored.flags.c_contiguous
    (found,) = faces.find_faces(mirrored)
    options = faces.CropOptions()
    expected = faces.prepare(np.ascontiguousarray(mirrored), options, 64)
    np.testing.assert_array_equal(faces.prepare(mirrored, options, 64), expected)
    assert abs(499 - found.centre[0] - faces.find_faces(photo)[0].centre[0]) < 10


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((9, 9), np.uint8), "x.png: 1 channels, 3 "),
        (np.zeros((9, 9, 4), np.uint8), "x.png: 4 channels, 3 .RGB, no transparency. expected"),
        (np.zeros((9, 9, 3), np.float32), "x.png: float32 values, uint8 from 0 to 255 expected"),
        (np.zeros((2, 9, 9, 3), np.uint8), r"x.png: shape \[2, 9, 9, 3\], \[H, W, 3\] expected"),
        (np.zeros((0, 9, 3), np.uint8), r"x.png: shape \[0, 9, 3\], at least one pixel"),
    ],
)
def test_other_pictures_are_one_line(image, message):
    with pytest.raises(ValueError, match=message):
        faces.find_crop(image, faces.CropOptions(), source="x.png")


def test_an_unknown_detector(photo):
    with pytest.raises(ValueError, match="detector is 'magic', expected one of cascade, mediapipe"):
        faces.find_faces(photo, "magic")


# Landmarks


def test_mediapipe_missing_is_one_line(photo, monkeypatch):
    from tf_facegan.sources.faces import mesh

    mesh._face_mesh.cache_clear()
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    with pytest.raises(
        ImportError, match=r"needs more packages .*pip install 'tf_facegan\[landmarks\]'"
    ):
        faces.find_landmarks(photo)
    with pytest.raises(ImportError, match="this needs more packages"):
        faces.find_crop(photo, faces.CropOptions(detector="mediapipe"))


def test_landmarks_lie_on_the_face():
    pytest.importorskip("mediapipe")
    for seed in (1, 3, 4):
        face = toy(seed)
        found = faces.find_landmarks(face.image)
        assert (found.shape, found.dtype) == ((68, 2), np.float32)
        between_eyes = np.linalg.norm(face.landmarks[36] - face.landmarks[45])
        errors = np.linalg.norm(found - face.landmarks, axis=1) / between_eyes
        assert errors[36:].mean() < 0.1  # eyes and mouth
        assert errors.mean() < 0.15
    np.testing.assert_array_equal(found, faces.find_landmarks(face.image))
    with pytest.raises(ValueError, match="x.png: no face found"):
        faces.find_landmarks(np.full((200, 200, 3), 128, np.uint8), "x.png")


def test_mediapipe_finds_what_the_cascade_finds():
    pytest.importorskip("mediapipe")
    image = photo_of((20, 20, 120), (200, 100, 260))
    for a, b in zip(faces.find_faces(image), faces.find_faces(image, "mediapipe")):
        np.testing.assert_allclose(a.centre, b.centre, atol=0.1 * a.side)
        assert abs(a.side / b.side - 1) < 0.2
        assert b.landmarks.shape == (68, 2)


# Cropping


def test_places_go_to_the_crop_and_back():
    crop = faces.Crop.square((120.5, 80.0), 90.0, 17.0, 128)
    points = np.array([[100.0, 70.0], [0.0, 5.0]])
    np.testing.assert_allclose(crop.to_photo(crop.to_crop(points)), points)
    np.testing.assert_allclose(crop.to_crop([(120.5, 80.0)]), [[63.5, 63.5]])
    sides = np.linalg.norm(np.diff(crop.corners(), axis=0), axis=1)
    np.testing.assert_allclose(sides, 90.0)


def test_whole_pixels_are_copied():
    photo = noise((60, 70, 3))
    np.testing.assert_array_equal(
        faces.cut(photo, faces.Crop.box(10, 20, 40, 55)), photo[20:55, 10:40]
    )
    whole = faces.cut(photo, faces.Crop.box(0, 0, 70, 60))
    assert whole.flags.c_contiguous and not np.shares_memory(whole, photo)
    square = faces.Crop.square((29.5, 29.5), 20.0)
    np.testing.assert_array_equal(faces.cut(photo, square), photo[20:40, 20:40])


def test_shrinking_averages_over_areas():
    photo = noise((60, 70, 3))
    halved = faces.cut(photo, faces.Crop.box(10, 20, 50, 60, (20, 20)))
    means = photo[20:60, 10:50].reshape(20, 2, 20, 2, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(halved, means, atol=0.51)


def test_a_quarter_turn():
    photo = cv2.GaussianBlur(noise((64, 64, 3)), (0, 0), 3)
    turned = np.ascontiguousarray(np.rot90(photo, -1))  # clockwise
    upright = faces.cut(photo, faces.Crop.square((31.5, 31.5), 40.0, 0.0, 20))
    levelled = faces.cut(turned, faces.Crop.square((31.5, 31.5), 40.0, 90.0, 20))
    np.testing.assert_allclose(levelled.astype(int), upright, atol=2)


def test_beyond_the_photo_its_border_is_repeated():
    photo = noise((30, 40, 3))
    beyond = faces.cut(photo, faces.Crop.box(-10, -5, 50, 40))
    padded = np.pad(photo, ((5, 10), (10, 10), (0, 0)), mode="edge")
    np.testing.assert_array_equal(beyond, padded)
    line = noise((1, 40, 3))
    assert (faces.cut(line, faces.Crop.box(0, -3, 40, 4)) == line).all()


# Pasting back

CROPS = {
    "whole pixels": faces.Crop.box(30, 20, 130, 120, (64, 64)),
    "turned": faces.Crop.square((90.0, 80.0), 100.0, 20.0, 64),
    "enlarged": faces.Crop.square((90.0, 80.0), 50.0, -12.0, 128),
    "beyond": faces.Crop.square((10.0, 140.0), 100.0, 10.0, 64),
    "outside": faces.Crop.box(-90, -90, -10, -10, (64, 64)),
}


@pytest.mark.parametrize("crop", CROPS.values(), ids=CROPS)
def test_what_is_not_edited_stays(crop):
    photo = noise((160, 200, 3))
    same = faces.paste_back(photo, faces.cut(photo, crop), crop)
    np.testing.assert_array_equal(same, photo)
    assert same is not photo
    side = crop.size[0]
    edited = noise((side, side, 3), 1)
    np.testing.assert_array_equal(
        faces.paste_back(photo, edited, crop, np.zeros((side, side))), photo
    )


@pytest.mark.parametrize("name", ["whole pixels", "turned", "enlarged"])
def test_edited_and_pasted_and_cut_again(name):
    crop = CROPS[name]
    photo = cv2.GaussianBlur(noise((160, 200, 3)), (0, 0), 4)
    before = faces.cut(photo, crop)
    side = crop.size[0]
    change = cv2.GaussianBlur(noise((side, side, 3), 1).astype(np.float32), (0, 0), side / 20)
    edited = before + 4 * (change - change.mean())
    assert 0 < edited.min() and edited.max() < 255
    again = faces.cut(faces.paste_back(photo, edited, crop), crop)
    middle = (slice(side // 4, -side // 4),) * 2
    assert np.abs(edited - before)[middle].mean() > 4
    assert np.abs(again - edited)[middle].mean() < 0.6


def test_outside_the_mask_every_pixel_is_the_photo_s():
    crop, photo = CROPS["turned"], noise((160, 200, 3))
    mask = np.zeros((64, 64))
    mask[20:40, 24:44] = 1
    pasted = faces.paste_back(photo, np.full((64, 64, 3), 255, np.uint8), crop, mask)
    rows, columns = np.mgrid[:160, :200]
    places = crop.to_crop(np.stack([columns, rows], axis=-1).reshape(-1, 2)).reshape(160, 200, 2)
    x, y = places[..., 0], places[..., 1]
    outside = (x < 23) | (x > 44) | (y < 19) | (y > 40)
    np.testing.assert_array_equal(pasted[outside], photo[outside])
    inside = (x > 26) & (x < 41) & (y > 22) & (y < 37)
    assert (pasted[inside].astype(int) - photo[inside]).mean() > 60


def test_the_detail_of_the_photo_is_kept():
    # The crop has a quarter of the photo's resolution; an even change must not blur the photo.
    photo = (noise((160, 160, 3)) // 2 + 30).astype(np.uint8)
    crop = faces.Crop.box(20, 20, 140, 140, (30, 30))
    edited = faces.cut(photo, crop) + np.float32(25)
    pasted = faces.paste_back(photo, edited, crop)
    middle = (slice(60, 100),) * 2
    np.testing.assert_array_equal(pasted[middle], photo[middle] + 25)


@pytest.mark.parametrize(
    ("edited", "mask", "message"),
    [
        ((64, 63, 3), None, r"edited crop: shape \[64, 63, 3\], \[64, 64, 3\] expected"),
        ((64, 64, 3), (64, 64, 1), r"mask: shape \[64, 64, 1\], \[64, 64\] expected"),
    ],
)
def test_shapes_that_do_not_fit(edited, mask, message):
    photo = noise((160, 200, 3))
    mask = None if mask is None else np.ones(mask)
    with pytest.raises(ValueError, match=message):
        faces.paste_back(photo, np.zeros(edited), CROPS["turned"], mask)


# Preparing


def test_the_face_fills_the_crop(photo):
    image = faces.prepare(photo, faces.CropOptions(margin=0.0), 128)
    assert (image.shape, image.dtype) == ((128, 128, 3), np.uint8)
    face = toy(0, 240)
    crop = faces.find_crop(photo, faces.CropOptions(margin=0.0), 128)
    marks = crop.to_crop(face.landmarks + [100, 60])
    low, high = marks.min(axis=0), marks.max(axis=0)
    np.testing.assert_allclose((low + high) / 2, [64, 64 + 0.1 * 128], atol=0.1 * 128)
    assert abs(np.sqrt(np.prod(high - low)) / 128 * 1.09 - 1) < 0.15
    # The crop is the one of find_crop, pixel by pixel: training and use share it.
    np.testing.assert_array_equal(image, faces.cut(photo, crop))


def test_margin_and_size(photo):
    sides = []
    for margin in (0.0, 0.5):
        crop = faces.find_crop(photo, faces.CropOptions(margin=margin, align=False))
        sides.append(crop.size[0])
        left, top = crop.corners()[0] + 0.5
        assert abs(left - round(left)) < 1e-6 and abs(top - round(top)) < 1e-6
    assert abs(sides[1] - 2 * sides[0]) <= 1
    assert sides[0] == round(faces.find_faces(photo)[0].side)


def test_crop_none(photo):
    options = faces.CropOptions(crop="none")
    assert faces.prepare(photo, options, 128) is photo
    whole = faces.find_crop(photo, options, 100)
    np.testing.assert_array_equal(
        faces.cut(photo, whole), cv2.resize(photo, (100, 100), interpolation=cv2.INTER_AREA)
    )
    assert faces.find_crop(photo, options).size == (500, 400)


@pytest.mark.parametrize("shape", [(40, 61, 3), (61, 40, 3)])
def test_crop_center(shape):
    image, options = noise(shape), faces.CropOptions(crop="center")
    square = faces.prepare(image, options, 20)
    assert square.shape == (40, 40, 3)
    np.testing.assert_array_equal(faces.cut(image, faces.find_crop(image, options)), square)


def test_grey_pictures_of_a_set(photo):
    grey = photo.mean(axis=2, keepdims=True).astype(np.uint8)
    assert faces.prepare(grey, faces.CropOptions(), 64).shape == (64, 64, 1)


def test_which_of_several_faces():
    image = photo_of((20, 20, 120), (200, 100, 260))
    found = faces.find_faces(image)
    largest = faces.find_crop(image, faces.CropOptions())
    confident = faces.find_crop(image, faces.CropOptions(faces="confident"))
    best = max(found, key=lambda face: face.confidence)
    for crop, face in ((largest, found[0]), (confident, best)):
        np.testing.assert_allclose(crop.corners().mean(axis=0), face.centre, atol=1)
    assert len(faces.find_crops(image, faces.CropOptions(), 64)) == 2
    assert len(faces.find_crops(image, faces.CropOptions(min_face=100), 64)) == 1
    with pytest.raises(ValueError, match="^x.png: 2 faces found, --faces one expects a single"):
        faces.find_crop(image, faces.CropOptions(faces="one"), source="x.png")
    with pytest.raises(ValueError, match="^x.png: no face is larger than 300 pixels, as --min_fa"):
        faces.find_crop(image, faces.CropOptions(min_face=300), source="x.png")


def test_without_a_face_one_line_names_the_file():
    image = np.full((100, 100, 3), 99, np.uint8)
    with pytest.raises(ValueError, match="^x.png: no face found; --crop none takes the picture"):
        faces.prepare(image, faces.CropOptions(), 64, "x.png")
    assert faces.find_crops(image, faces.CropOptions(), 64) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"crop": "hair"}, "--crop is 'hair', expected one of none, center, face"),
        ({"faces": "all"}, "--faces is 'all', expected one of largest, confident, one"),
        ({"detector": "hog"}, "--detector is 'hog', expected one of cascade, mediapipe"),
        ({"margin": -0.5}, "--margin is -0.5, -0.4 to 4 expected"),
        ({"margin": float("nan")}, "--margin is nan"),
        ({"min_face": -1}, "--min_face is -1, at least 0 expected"),
    ],
)
def test_wrong_options_are_one_line(options, message):
    with pytest.raises(ValueError, match=message):
        faces.CropOptions(**options)


# Preview


def test_preview(tmp_path, photo, capsys):
    paths = []
    for number in range(18):
        path = tmp_path / f"photo{number:02d}.png"
        picture = photo if number else np.full((90, 90, 3), 99, np.uint8)
        cv2.imwrite(str(path), picture[:, :, ::-1])
        paths.append(path)
    paths[-1].write_bytes(b"nothing")
    sheet = tmp_path / "sheet.png"
    faces.write_preview(sheet, paths, faces.CropOptions(), 64)
    assert "16 of 18 photos" in capsys.readouterr().out
    picture = read_rgb(sheet)
    tile = picture.shape[0] // 4
    assert picture.shape == (4 * tile, 8 * tile, 3)
    green = (picture == (64, 255, 64)).all(axis=-1)
    # The first photo has no face and the last is none: a message, but no outline.
    assert not green[:tile, : 2 * tile].any() and not green[-tile:, -2 * tile :].any()
    assert picture[:tile, tile : 2 * tile].any() and picture[-tile:, -tile:].any()
    for number in range(1, 15):
        row, column = divmod(number, 4)
        before = green[row * tile : (row + 1) * tile, 2 * column * tile : (2 * column + 1) * tile]
        assert before.sum() > 100


def test_preview_of_few(tmp_path, photo):
    path = tmp_path / "photo.png"
    cv2.imwrite(str(path), photo[:, :, ::-1])
    faces.write_preview(tmp_path / "sheet.png", [path], faces.CropOptions())
    height, width = read_rgb(tmp_path / "sheet.png").shape[:2]
    assert width == 2 * height
    with pytest.raises(ValueError, match="sheet.jpg: a .png file expected"):
        faces.write_preview(tmp_path / "sheet.jpg", [path], faces.CropOptions())
    with pytest.raises(FileNotFoundError, match="--preview .*sheet.png: no folder .*none"):
        faces.write_preview(tmp_path / "none" / "sheet.png", [path], faces.CropOptions())
    assert not (Path(tmp_path) / "sheet.jpg").exists()


# In sets


@pytest.fixture
def photos(tmp_path):
    """Folder of three photos and one without a face, with action units for all."""
    folder = tmp_path / "photos"
    folder.mkdir()
    rows = ["4", " ".join(AUS)]
    for number in range(4):
        picture = photo_of((60 + 20 * number, 40, 240)) if number else noise((30, 40, 3))
        cv2.imwrite(str(folder / f"photo{number}.png"), picture[:, :, ::-1])
        rows.append(" ".join([f"photo{number}.png", *["1.0"] * 17]))
    (tmp_path / "list.txt").write_text("\n".join(rows))
    return folder


def commands(photos):
    out = photos.parent
    return {
        "create_from_images": (out / "set", photos, "--resolution", 64, "--shuffle", 0),
        "create_from_openface": (
            *(out / "set", photos, out / "list.txt", "--resolution", 64),
            *("--kind", "multi-resolution", "--test_count", 0),
        ),
    }


@pytest.mark.parametrize("command", ["create_from_images", "create_from_openface"])
def test_commands_cut_faces_out_of_photos(photos, command, capsys):
    argv = (command, *commands(photos)[command], "--crop", "face")
    message = tool.error_of(capsys, *argv)
    assert "photo0.png: no face found; --crop none takes the picture as it is" in message
    sheet = photos.parent / "sheet.png"
    argv = (*argv, "--on_error", "skip", "--margin", 0.2, "--align", 0)
    assert tool.run(*argv, "--preview", sheet, "--overwrite") == 0
    assert sheet.is_file()
    found = RecordSet(photos.parent / "set")
    options = faces.CropOptions(margin=0.2, align=False)
    for number, image in enumerate(found.read(range(3)), 1):
        picture = read_rgb(photos / f"photo{number}.png")
        expected = faces.prepare(picture, options, 64)
        np.testing.assert_array_equal(image.transpose(1, 2, 0), expected)


def test_the_commands_have_the_defaults_of_the_library(photos):
    for command, argv in commands(photos).items():
        args = dataset_tool.parse(["dataset_tool.py", command, *map(str, argv)])
        assert arguments.crop_options(args) == {"crop": faces.WHOLE, "preview": None}
