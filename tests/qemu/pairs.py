# SPDX-License-Identifier: MIT
"""Pairwise combinations: every pair of values of two factors, in few rows.

Most faults need one or two circumstances to show, so rows that hold every pair
find nearly what all combinations would. Greedy: each row begins with a pair
that is still missing and takes for each other factor the value that brings the
most missing pairs along. The seed decides between equals, so that another seed
is another matrix, and the same seed the same one.
"""
from __future__ import annotations

import itertools
import random
from typing import Any, Callable, Dict, List, Mapping, Sequence, Set, Tuple

Row = Dict[str, Any]
Pair = Tuple[Tuple[str, int], Tuple[str, int]]  # (factor, index of the value), twice
Factors = Mapping[str, Sequence[Any]]


def _pair(a: Tuple[str, int], b: Tuple[str, int]) -> Pair:
    return (a, b) if a < b else (b, a)


def _values(factors: Factors, picks: Mapping[str, int]) -> Row:
    return {name: factors[name][index] for name, index in picks.items()}


def _all_pairs(factors: Factors, allowed: Callable[[Row], bool]) -> Set[Pair]:
    pairs = set()
    for one, other in itertools.combinations(factors, 2):
        for i, j in itertools.product(range(len(factors[one])), range(len(factors[other]))):
            if allowed(_values(factors, {one: i, other: j})):
                pairs.add(_pair((one, i), (other, j)))
    return pairs


def _gain(picks: Mapping[str, int], name: str, index: int, missing: Set[Pair]) -> int:
    return sum(_pair((name, index), pick) in missing for pick in picks.items())


def _fill(factors: Factors, picks: Dict[str, int], missing: Set[Pair],
          allowed: Callable[[Row], bool], rng: random.Random) -> bool:
    """Choose the other factors' values; False where none is allowed."""
    names = [name for name in factors if name not in picks]
    rng.shuffle(names)
    for name in names:
        choices = [i for i in range(len(factors[name]))
                   if allowed(_values(factors, {**picks, name: i}))]
        if not choices:
            return False
        rng.shuffle(choices)
        picks[name] = max(choices, key=lambda i: _gain(picks, name, i, missing))
    return True


def pairwise(factors: Factors, allowed: Callable[[Row], bool] = lambda row: True,
             seed: int = 0) -> List[Row]:
    """Rows, each a dict of all factors, that hold every allowed pair at least once.

    `allowed` is asked about rows with only some of the factors, too: what isn't
    forbidden yet is allowed.
    """
    rng = random.Random(seed)
    missing = _all_pairs(factors, allowed)
    rows = []
    while missing:
        first = rng.choice(sorted(missing))
        picks = dict(first)
        if not _fill(factors, picks, missing, allowed, rng):
            missing.discard(first)  # no whole row can hold it
            continue
        missing -= {_pair(a, b) for a, b in itertools.combinations(picks.items(), 2)}
        rows.append({name: factors[name][picks[name]] for name in factors})
    return rows
