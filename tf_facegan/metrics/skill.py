"""Ranking by pairwise choices: TrueSkill (Herbrich et al. 2006), the extra `[ranking]`."""

from __future__ import annotations

import csv
import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tf_facegan.extras import missing
from tf_facegan.files import read_text


@dataclasses.dataclass(frozen=True)
class Skill:
    """What choices say of one contestant.

    Attributes:
      name: str.
      mu, sigma: float, mean and standard deviation of its skill; everyone begins with 25 and 25/3.
      wins, losses, draws: int.
    """

    name: str
    mu: float
    sigma: float
    wins: int
    losses: int
    draws: int

    @property
    def certain(self) -> float:
        """float, the skill that it has almost certainly: mu - 3 sigma."""
        return self.mu - 3 * self.sigma


def rank(choices: Sequence[tuple]) -> list[Skill]:
    """Ranks contestants.

    Args:
      choices: list of (winner, loser) or (one, other, True), a draw; in the order they were made.

    Returns:
      list of `Skill`, the best (by `certain`) first.

    Raises:
      ValueError: no choices, or one between a name and itself.
      ImportError: TrueSkill is missing; one line says what to type.
    """
    try:
        import trueskill
    except ImportError as error:
        raise ImportError(missing("ranking", "ranking", error)) from error
    if not choices:
        raise ValueError("no choices to rank by")
    environment = trueskill.TrueSkill()
    ratings, counts = {}, {}
    for one, other, *draw in choices:
        if one == other:
            raise ValueError(f"a choice between {one} and itself")
        for name in (one, other):
            ratings.setdefault(name, environment.create_rating())
            counts.setdefault(name, [0, 0, 0])
        drawn = bool(draw and draw[0])
        ratings[one], ratings[other] = environment.rate_1vs1(ratings[one], ratings[other], drawn)
        counts[one][2 if drawn else 0] += 1
        counts[other][2 if drawn else 1] += 1
    found = [Skill(name, r.mu, r.sigma, *counts[name]) for name, r in ratings.items()]
    return sorted(found, key=lambda skill: -skill.certain)


def choices_of_scores(scores: Mapping[str, Mapping[Any, float]]) -> list[tuple]:
    """Lets contestants meet in every example; the higher score wins.

    Args:
      scores: {name: {example: float}}.

    Returns:
      list for `rank`: of every example that all have, every two contestants.

    Raises:
      ValueError: fewer than two contestants, or no example that all have.
    """
    if len(scores) < 2:
        raise ValueError(f"{len(scores)} to rank, at least 2 expected")
    first, *others = scores.values()
    shared = [example for example in first if all(example in other for other in others)]
    if not shared:
        raise ValueError(f"{', '.join(scores)}: no example that all of them have")
    choices = []
    for example in shared:
        for one, other in itertools.combinations(scores, 2):
            a, b = scores[one][example], scores[other][example]
            choices.append((one, other, a == b) if a >= b else (other, one))
    return choices


def read_choices(path: str | Path) -> list[tuple]:
    """Reads people's choices.

    Args:
      path: CSV file with the columns `winner` and `loser`, and if there are draws `draw` (0 or 1).

    Returns:
      list for `rank`.

    Raises:
      ValueError: other columns, an empty cell; names file and row. OSError: it cannot be opened.
    """
    rows = csv.DictReader(read_text(path).splitlines(), skipinitialspace=True)
    if not {"winner", "loser"} <= set(rows.fieldnames or []):
        raise ValueError(f"{path}: columns winner and loser expected")
    choices = []
    for number, row in enumerate(rows, 2):
        draw = row.get("draw") or "0"
        if not row["winner"] or not row["loser"] or draw not in ("0", "1"):
            raise ValueError(f"{path}, row {number}: two names expected, and 0 or 1 as draw")
        choices.append((row["winner"], row["loser"], draw == "1"))
    return choices
