"""TDGAN's data as the published code reads it, and its demonstration, against its results.

The pictures belong to others and are not here. With `TF_FACEGAN_TDGAN_DATASET` set to the folder
`Dataset` of the published repository everything is compared; without, what needs no picture.
"""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.golden.recipe import tensor
from tests.sources.test_casia import write_index
from tests.tdgan import golden
from tests.tdgan.golden import Vectors, assert_close, assert_statistics, nhwc
from tests.tdgan.test_reference import write_checkpoint
from tf_facegan.sources import casia, faces, raf_db
from tf_facegan.tdgan import dataset, images, sheets
from tf_facegan.tdgan.inference import TDGANPipeline

FOLDER = os.environ.get("TF_FACEGAN_TDGAN_DATASET")
ARRAYS, CONFIG = golden.load("data")
CHANNELS = {"gray": 1, "rgb": 3}
SAMPLE = CONFIG["sample"]  # the pictures are the first ones
needs_pictures = pytest.mark.skipif(
    not FOLDER, reason="TF_FACEGAN_TDGAN_DATASET is not set to the published pictures"
)
needs_all = pytest.mark.parametrize("colours", CHANNELS)


def names_of(files):
    return [file.relative_to(file.parent.parent).as_posix() for file in files]


def test_faces_are_listed_as_published(tmp_path):
    everything, labels = ARRAYS["getFaceData/dirs"], ARRAYS["getFaceData/labels"]
    write_index(tmp_path, everything, labels)
    found, problems = casia.find_faces(tmp_path)
    assert names_of(found) == list(everything) and not problems
    for count, listed in ((20, everything), (1, ARRAYS["getFaceData/dirs_cls1"])):
        options = {"resolution": 16, "max_identities": count}
        info = casia.create_set(tmp_path / f"set{count}", tmp_path, workers=1, **options)
        assert info.count == len(listed)
        assert info.fields["identity"]["names"] == [name.split("/")[0] for name in listed]
        found = np.load(tmp_path / f"set{count}" / f"set{count}-identity.npy")
        np.testing.assert_array_equal(found, labels[: len(listed)])


@pytest.mark.parametrize("key", [key for key in ARRAYS if key.startswith("pairs/")])
def test_pairs_are_the_published_ones(key, tmp_path):
    expected = ARRAYS[key]
    people, expressions = map(int, key.removeprefix("pairs/").split("_"))
    one_hot = np.eye(7)[:, np.zeros(expressions, int)]
    np.savez(tmp_path / "RAF_example_label.npz", train_y=one_hot, test_y=one_hot[:, :1])
    labels, _ = raf_db.read_labels(tmp_path)
    files = [file.name for file in labels if file.name.startswith("train")]
    assert len(files) == expressions
    face, expression = dataset.pair(np.arange(len(expected)), 0, people, expressions)
    numbers = [int(files[row].split("_")[1]) for row in expression]
    np.testing.assert_array_equal(np.stack([face, expression, numbers], axis=1), expected)


def test_crops_lie_where_the_published_ones_do():
    for colours, channels in CHANNELS.items():
        places, flips = (ARRAYS[f"dual_expr/{colours}/{name}"] for name in ("crop_yx", "flipped"))
        picture = np.random.RandomState(0).rand(1, 144, 144, channels)
        found = images.crop(np.repeat(picture, len(places), axis=0), places, flips, 128).numpy()
        for one, (top, left), flipped in zip(found, places, flips):
            cut = picture[0, top : top + 128, left : left + 128]
            np.testing.assert_array_equal(one, cut[:, ::-1] if flipped else cut)


# With the pictures


def channels_of(record, colours):
    """What training sees of a record [..., 3, H, W], as uint8 [..., C, H, W]."""
    return record[..., : CHANNELS[colours], :, :]


def check(key, array):
    assert array.dtype == np.uint8
    np.testing.assert_array_equal(array[..., ::16, ::16], ARRAYS[f"{key}.grid"], key)
    assert_statistics(array, ARRAYS[key], key, CONFIG["seed"], 1e-12)


def numbered(split):
    """Returns (file, label) of the first picture of a split of RAF-DB, as ours are listed."""
    labels, _ = raf_db.read_labels(Path(FOLDER) / "RAF")
    listed = [entry for entry in labels.items() if entry[0].name.startswith(split)]
    return listed[SAMPLE - 1], len(listed)


@needs_pictures
@needs_all
def test_faces_as_published(colours):
    folder = Path(FOLDER) / "CASIA_WebFace"
    found, problems = casia.find_faces(folder)
    listed = names_of(found + [Path(file) for file, _ in problems])
    assert sorted(listed) == list(ARRAYS["getFaceData/dirs"])
    face = casia.load_stretched(found[SAMPLE - 1], 128, gray=colours == "gray")
    check(f"face/{colours}", channels_of(face, colours))
    place = names_of(found)[SAMPLE - 1]
    place = list(ARRAYS["getFaceData/dirs"]).index(place)
    assert ARRAYS["getFaceData/labels"][place] == ARRAYS["face/label"]


@needs_pictures
@needs_all
def test_expressions_as_published(colours):
    gray = colours == "gray"
    (test_file, test_label), count = numbered("test")
    assert count == ARRAYS["raf_test/len"] and test_label == ARRAYS["raf_test/label"]
    test = raf_db.load_picture(test_file, 128, gray)
    check(f"raf_test/{colours}", channels_of(test, colours))
    (file, label), _ = numbered("train")
    assert label == ARRAYS["raf_train/label"] == ARRAYS["dual_expr/labels"][1]
    record = channels_of(raf_db.load_picture(file, 144, gray), colours)
    check(f"dual_expr/{colours}/resized144", record)
    seen = nhwc(record[None])
    middle = images.centre_crop(seen, 128)
    check(f"raf_train_center/{colours}", middle[0].transpose(2, 0, 1))
    places, flips = (ARRAYS[f"dual_expr/{colours}/{name}"] for name in ("crop_yx", "flipped"))
    crops = images.crop(np.repeat(seen, len(places), axis=0), places, flips, 128).numpy()
    check(f"dual_expr/{colours}", crops.transpose(0, 3, 1, 2))
    assert ARRAYS["dual_expr/labels"][0] == ARRAYS["face/label"]


@needs_pictures
def test_photos_are_prepared_as_in_training_and_not_as_in_the_demonstration(tmp_path):
    """The demonstration resizes bicubically, we bilinearly."""
    file = numbered("train")[0][0]
    gray = Image.open(file).convert("L")
    bicubic = np.asarray(gray.resize((128, 128), Image.Resampling.BICUBIC))
    check("demo_preprocess", bicubic[None, None])
    pipeline = TDGANPipeline(Vectors("infer").network("G"), crop=faces.CropOptions(crop="none"))
    ours = np.rint(pipeline.prepare([file], "face") * 255)[0, :, :, 0]
    np.testing.assert_array_equal(
        ours, np.asarray(gray.resize((128, 128), Image.Resampling.BILINEAR))
    )
    difference = np.abs(ours - bicubic)
    assert 0 < difference.mean() < 2 and difference.max() < 40


@needs_pictures
def test_the_demonstration(tmp_path):
    vectors = Vectors("infer")
    arrays, config, seed = vectors.arrays, vectors.config, vectors.seed
    config = {**config, "FR_cls_num": 20}
    vectors.config = config
    write_checkpoint(tmp_path, {name: vectors.network(name) for name in ("G", "D_ER")}, "legacy")
    pipeline = TDGANPipeline.from_checkpoint(tmp_path)
    noise = nhwc(tensor("draw/noise_demo", (1, config["Nz"], 8, 8), seed, kind="uniform"))
    photos = [[Path(FOLDER) / "examples" / config[name]] for name in ("face", "expression")]
    image = pipeline.transfer(*photos, noise=noise)
    published = image.transpose(0, 3, 1, 2)
    assert_statistics(published, arrays["gen_img"], "gen_img", seed, 1e-4)
    assert_close(published[:, :, 56:72, 56:72], arrays["gen_img.crop"], 1e-4)
    logits = pipeline.generator.classify(image), pipeline.discriminator(image)[1]
    for name, found in zip(("M_ER", "Dis_ER"), logits):
        assert_close(found, arrays[f"logits/{name}"], 1e-3, name)
    assert [int(np.argmax(found)) for found in logits] == arrays["pred"].tolist()
    # Cut off, not rounded: a value on the border of two may fall to either side.
    picture = sheets.to_uint8(image)[0, ..., 0].astype(int)
    assert np.abs(picture[56:72, 56:72] - arrays["png.crop"].astype(int)).max() <= 1
    assert (picture[56:72, 56:72] != arrays["png.crop"]).mean() < 0.02
    assert_statistics(picture, arrays["png"], "png", seed, 1e-3)
