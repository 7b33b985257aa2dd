from tf_facegan.sources import action_units
from tf_facegan.sources.expressions import EXPRESSIONS


def test_the_units_are_openfaces_intensity_columns_in_order():
    numbers = [1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 45]
    assert action_units.AUS == tuple(f"AU{number:02d}_r" for number in numbers)
    assert all(map(action_units.is_intensity_column, action_units.AUS))
    assert not action_units.is_intensity_column("AU28_c")


def test_expressions_are_in_the_order_of_raf_db():
    assert EXPRESSIONS[0] == "Surprise" and EXPRESSIONS[3] == "Happiness"
    assert EXPRESSIONS[6] == "Neutral" and len(EXPRESSIONS) == 7
