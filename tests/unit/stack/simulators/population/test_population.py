"""The simulated people: the same for the same seed, different from one another, and saying what the corpus says."""

from collections import Counter
from itertools import islice

import pytest

from stack.simulators.population import script
from stack.simulators.population.population import HABITS, member, population
from stack.simulators.population.population_runner import PopulationRunner
from stack.simulators.population.script import Act, dialogues, talk
from stack.simulators.telegram.server import TelegramServer


def test_a_seed_repeats_the_cast_and_another_one_does_not() -> None:
    first = list(islice(population(1), 400))
    assert first == list(islice(population(1), 400))
    assert first[:50] == list(islice(population(1), 50))
    assert {one.id for one in first}.isdisjoint({one.id for one in islice(population(2), 400)})


def test_people_are_distinct_and_of_every_kind() -> None:
    people = list(islice(population(3), 500))
    assert len({one.id for one in people}) == 500
    usernames = [one.username for one in people if one.username]
    assert len(set(usernames)) == len(usernames) > 300
    assert all(name.isascii() and name.replace("_", "").isalnum() for name in usernames)
    assert {one.habit.name for one in people} == {habit.name for habit in HABITS}
    assert {"en", "ru"} <= {one.language_code for one in people}
    assert {one.language for one in people if one.language_code == "kk"} == {"ru"}
    shares = Counter(one.habit.name for one in people)
    assert shares["curious"] > shares["moody"]
    assert sum(habit.share for habit in HABITS) == 100


@pytest.mark.parametrize("language", ["en", "ru"])
def test_lines_are_those_of_the_corpus(language: str) -> None:
    known = {(one[at], one[at + 1]) for one in dialogues(language) for at in range(len(one) - 1)}
    pairs = talk(member(1, 1).chance("test"), language, 60)
    assert len(pairs) == 60
    assert set(pairs) <= known
    assert len(set(pairs)) > 20


def test_a_script_is_repeated_and_every_act_occurs() -> None:
    people = list(islice(population(1), 300))
    assert [script.visit(one, 3) for one in people] == [script.visit(one, 3) for one in people]
    assert script.visit(people[0], 3) != script.visit(people[0], 4)
    acts = Counter(
        step.act for one in people for number in range(12) for step in script.visit(one, number, last=number == 11)
    )
    acts.update(step.act for one in people for step in script.returning(one, 99))
    assert set(acts) == set(Act)
    assert acts[Act.SAY] > acts[Act.IMAGE] > acts[Act.PAY] > acts[Act.REFUND]


def test_the_first_visit_begins_with_start_and_only_the_last_one_blocks() -> None:
    for one in islice(population(5), 200):
        first = script.visit(one, 0)
        assert first[0].act is Act.START
        assert first[0].text == (one.link or "")
        assert Act.BLOCK not in [step.act for step in first]
        last = script.visit(one, 8, last=True)
        assert (last[-1].act is Act.BLOCK) == script.blocks(one)


def test_visitors_come_in_an_order_that_the_seed_decides_and_never_sit_on_two_seats() -> None:
    runner, again = (PopulationRunner(TelegramServer(), seed=4, people=120, pace=1) for _ in range(2))
    by_seat = [list(islice(runner.visitors(seat), 60)) for seat in range(4)]
    assert by_seat == [list(islice(again.visitors(seat), 60)) for seat in range(4)]
    seats = [{someone.id for someone, _, _ in visitors} for visitors in by_seat]
    assert sum(map(len, seats)) == len(set().union(*seats))
    newcomers = [number for visitors in by_seat for someone, number, _ in visitors if someone.number >= 120]
    assert 0 in newcomers
    assert any(number > 0 for number in newcomers)
