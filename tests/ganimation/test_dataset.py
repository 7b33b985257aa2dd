import numpy as np
import pytest

from tests.ganimation import tiny
from tests.records import sets
from tf_facegan.ganimation import dataset
from tf_facegan.ganimation.config import Config, Data, Networks
from tf_facegan.records.reader import RecordSet
from tf_facegan.sources.action_units import AUS


@pytest.fixture(scope="module")
def info(au_faces):
    return RecordSet(au_faces).info


def test_chosen_action_units(info):
    assert dataset.au_names(info, Data()) == list(AUS)
    assert dataset.au_names(info, Data(c_dim=2)) == ["AU01_r", "AU02_r"]
    chosen = Data(aus=("AU12", "AU06_r"))
    assert dataset.au_names(info, chosen) == ["AU12_r", "AU06_r"]
    assert dataset.au_columns(info, chosen) == [8, 4]


@pytest.mark.parametrize(
    "data, message",
    [
        (Data(aus=("AU12", "AU99")), r"data.aus is \['AU12', 'AU99'\]: .* out of AU01_r, AU02_r"),
        (Data(aus=("AU12", "AU12_r")), "expected different ones"),
        (Data(aus=()), "expected different ones"),
        (Data(c_dim=18), "data.c_dim is 18, set au_faces has 17 action units"),
        (Data(c_dim=0), "data.c_dim is 0"),
    ],
)
def test_wrong_choices(info, data, message):
    with pytest.raises(ValueError, match=message):
        dataset.au_names(info, data)


def test_sets_that_do_not_fit(tmp_path):
    plain = tiny.write_faces(tmp_path / "plain", fields={})
    with pytest.raises(ValueError, match="set plain: no field `aus`.*create_from_openface"):
        dataset.au_names(RecordSet(plain).info, Data())
    sets.write(tmp_path / "uv", sets.arrays(3))
    with pytest.raises(ValueError, match="set uv: images of 9 channels, 8 x 8 pixels; square RGB"):
        dataset.image_size(RecordSet(tmp_path / "uv").info, Data())
    wide = [np.zeros([3, 8, 12], np.uint8)] * 3
    sets.write(tmp_path / "wide", wide, kind="single-size")
    with pytest.raises(ValueError, match="set wide: images of 3 channels, 12 x 8 pixels"):
        dataset.image_size(RecordSet(tmp_path / "wide").info, Data())


def test_network_arguments(info):
    config = Config(
        data=Data(aus=("AU12",), image_size=8), networks=Networks(g_repeat_num=2, d_conv_dim=4)
    )
    arguments = dataset.network_arguments(config, info)
    assert arguments["D"] == {"image_size": 8, "c_dim": 1, "conv_dim": 4, "repeat_num": 6}
    assert arguments["G"]["repeat_num"] == 2 and arguments["G"]["norm_scale_init"] == "uniform"
