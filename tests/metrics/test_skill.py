"""Ranking by pairwise choices."""

import pytest

from tf_facegan.metrics import skill

pytest.importorskip("trueskill")


def test_one_choice_moves_both_as_published():
    """The example of TrueSkill: 25 +- 25/3 both; the winner then has 29.396 +- 7.171."""
    winner, loser = skill.rank([("a", "b")])
    assert (winner.name, winner.wins, winner.losses) == ("a", 1, 0)
    assert winner.mu == pytest.approx(29.396, abs=1e-3)
    assert winner.sigma == pytest.approx(7.171, abs=1e-3)
    assert loser.mu == pytest.approx(20.604, abs=1e-3)
    assert winner.certain == pytest.approx(winner.mu - 3 * winner.sigma)


def test_the_better_of_three_is_first():
    scores = {
        "worst": {i: 0.1 for i in range(20)},
        "best": {i: 0.9 for i in range(20)},
        "fair": {i: 0.5 for i in range(21)},
    }
    ranking = skill.rank(skill.choices_of_scores(scores))
    assert [one.name for one in ranking] == ["best", "fair", "worst"]
    assert (ranking[1].wins, ranking[1].losses) == (20, 20)


def test_equal_scores_are_draws():
    one, other = skill.rank(skill.choices_of_scores({"a": {1: 0.5}, "b": {1: 0.5}}))
    assert one.draws == other.draws == 1 and one.mu == pytest.approx(other.mu)


def test_choices_of_people(tmp_path):
    path = tmp_path / "choices.csv"
    path.write_text("winner,loser,draw\na,b,\nb,c,1\n")
    assert skill.read_choices(path) == [("a", "b", False), ("b", "c", True)]
    path.write_text("winner, loser\na,\n")
    with pytest.raises(ValueError, match="row 2: two names expected"):
        skill.read_choices(path)
    path.write_text("first,second\na,b\n")
    with pytest.raises(ValueError, match="columns winner and loser expected"):
        skill.read_choices(path)


def test_what_cannot_be_ranked():
    with pytest.raises(ValueError, match="no choices"):
        skill.rank([])
    with pytest.raises(ValueError, match="between a and itself"):
        skill.rank([("a", "a")])
    with pytest.raises(ValueError, match="1 to rank, at least 2"):
        skill.choices_of_scores({"a": {1: 0.5}})
    with pytest.raises(ValueError, match="a, b: no example that all of them have"):
        skill.choices_of_scores({"a": {1: 0.5}, "b": {2: 0.5}})
