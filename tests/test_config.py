import dataclasses
from typing import Optional, Union

import pytest

import configs
from tf_facegan import config as configuration
from tf_facegan import systems
from tf_facegan.config import option, section


@dataclasses.dataclass(frozen=True)
class Part:
    width: int = option(8, "how wide")
    rate: float = option(0.5, "how fast")
    on: bool = option(False, "whether")
    by_size: dict[int, float] = option({}, "values by size")
    pair: tuple[float, float] = option((0.0, 1.0), "two numbers")
    label: Union[int, str] = option("full", "how many")
    name: Optional[str] = option(None, "who")
    text: str = option("", "what")


@dataclasses.dataclass(frozen=True)
class Whole:
    seed: int = option(1, "seed")
    part: Part = section(Part)


def test_round_trip_through_json_values():
    changes = {"part.by_size": {4: 1, "8": 2.5}, "part.pair": [1, 2], "part.name": "x", "seed": 7}
    config = configuration.override(Whole(), changes)
    assert config.part.by_size == {4: 1.0, 8: 2.5} and config.part.pair == (1.0, 2.0)
    assert configuration.from_dict(Whole, configuration.to_dict(config)) == config


def test_assignments_are_python_literals_or_text():
    words = ["a=3", "b=[1, 2]", "c=true", "d=none", "e=some/path", "f={4: 2}", "g=a=b"]
    values = configuration.parse_assignments(words)
    expected = {"a": 3, "b": [1, 2], "c": True, "d": None, "e": "some/path", "f": {4: 2}}
    assert values == {**expected, "g": "a=b"}
    with pytest.raises(ValueError, match="expected section.field=value"):
        configuration.parse_assignments(["width"])


def test_none_is_a_word_where_text_is_expected():
    changes = configuration.parse_assignments(["part.name=none", "part.text=none"])
    part = configuration.override(Whole(), changes).part
    assert part.name is None and part.text == "none"


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"part.witdh": 3}, "did you mean 'width'"),
        ({"prat.width": 3}, "unknown field 'prat.width'.*'part'"),
        ({"part.width": "wide"}, "part.width: expected int, found 'wide'"),
        ({"part.width": 2.5}, "part.width: expected int"),
        ({"part.width": True}, "part.width: expected int"),
        ({"part.on": "maybe"}, "part.on: expected bool"),
        ({"part.pair": [1]}, "part.pair: expected"),
        ({"part": 3}, "part is a section"),
        ({"seed.x": 3}, "seed has no fields"),
    ],
)
def test_wrong_changes_name_the_field(changes, message):
    with pytest.raises(ValueError, match=message):
        configuration.override(Whole(), changes)


def test_an_entry_of_a_dict_can_be_set():
    config = configuration.override(Whole(), {"part.by_size": {4: 1.0}})
    config = configuration.override(config, {"part.by_size.8": 2})
    assert config.part.by_size == {4: 1.0, 8: 2.0}


def test_unknown_fields_of_a_file_are_refused():
    with pytest.raises(ValueError, match="unknown field 'part.old'"):
        configuration.from_dict(Whole, {"part": {"old": 1}})


SAY_WHAT_IS = ("cond", "g4k", "grpc")  # published switches that are on by default
PUBLISHED = ("ganimation-celeba", "ganimation-emotionet")  # nothing in them is mended


@pytest.mark.parametrize("preset", configs.PRESETS)
def test_every_preset_and_modifier_fits_its_system(preset):
    name, changes = configs.PRESETS[preset]
    cls = systems.get(name).part("config")
    config = configuration.override(cls(), changes)
    for mod, changes in configs.MODIFIERS[name].items():
        changed = configuration.override(config, changes) != config
        assert changed or mod in SAY_WHAT_IS or (mod == "published" and preset in PUBLISHED)
    assert configuration.from_dict(cls, configuration.to_dict(config)) == config


def test_every_option_says_what_it_means():
    for system in systems.SYSTEMS.values():
        for line in configuration.describe(system.part("config")()):
            assert line.endswith(":") or "  # " in line, line


def test_unknown_systems_and_utilities_suggest_the_nearest():
    with pytest.raises(ValueError, match="did you mean 'tbgan'"):
        systems.get("tbgn")
    with pytest.raises(ValueError, match="did you mean 'generate_interpolation_video'"):
        systems.utility("generate_interpolation_vdeo")


@pytest.mark.parametrize(
    ("name", "known", "expected"),
    [
        ("tbgam", ("tbgan", "tdgan"), " (did you mean 'tbgan'?)"),
        ("happy", ("fear", "happiness"), " (did you mean 'happiness'?)"),
        ("lpips", ("swd", "is"), ""),
        ("cosine", ("multiply", "linear"), ""),
        ("x", (), ""),
    ],
)
def test_only_what_is_near_is_suggested(name, known, expected):
    assert configuration.nearest(name, known) == expected
