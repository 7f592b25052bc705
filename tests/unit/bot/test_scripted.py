"""The scripted backend and its corpus: repeatable, in the role, in the person's language."""

import re

import pytest

from bot.content.personas import load_personas
from bot.llm.base import Line, Step, Turn
from bot.llm.corpus import answers_to, load_corpus
from bot.llm.offline import Scripted


def turn(said: str, language: str = "en", persona: int = 0, variation: int = 0, earlier: tuple[Line, ...] = ()) -> Turn:
    chosen = load_personas().all[persona]
    return Turn(chosen, chosen.stories[0], language, (*earlier, Line("user", said)), variation)


async def test_the_seed_decides() -> None:
    asked = [turn(f"I saw light number {number}") for number in range(12)]
    runs = [[(await Scripted(seed).complete(Step.DIALOGUE, one)).text for one in asked] for seed in (1, 1, 2)]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


@pytest.mark.parametrize("asked", ["How are you doing?", "how are you doing now", "HOW ARE YOU DOING"])
async def test_known_small_talk_is_answered_from_the_corpus(asked: str) -> None:
    answers = load_corpus("en")["how are you doing"]
    assert answers_to(asked, "en") == answers
    said = (await Scripted(1).complete(Step.DIALOGUE, turn(asked))).text
    assert any(answer.rstrip(".") in said for answer in answers)


@pytest.mark.parametrize("persona", range(len(load_personas().all)))
async def test_what_the_corpus_does_not_know_is_answered_by_the_persona(persona: int) -> None:
    own = load_personas().all[persona].musings
    for language in ("en", "ru"):
        said = (await Scripted(1).complete(Step.DIALOGUE, turn("zzz qqq", language, persona))).text
        assert any(line in said for line in own[language])


async def test_a_persona_does_not_repeat_itself_while_it_has_more_to_say() -> None:
    earlier: tuple[Line, ...] = ()
    musings = load_personas().all[0].musings["en"]
    for number in range(len(musings)):
        answer = (await Scripted(1).complete(Step.DIALOGUE, turn("z" * (number + 9), earlier=earlier))).text
        earlier = (*earlier, Line("user", f"zzz {number}"), Line("assistant", answer))
    said = " ".join(line.text for line in earlier)
    assert musings
    assert [said.count(musing) for musing in musings] == [1] * len(musings)


async def test_answers_are_in_the_persons_language() -> None:
    for said in ("Привет!", "Как дела?", "что-то совсем другое"):
        answer = (await Scripted(1).complete(Step.DIALOGUE, turn(said, "ru"))).text
        assert re.search("[а-яё]", answer)
        assert not re.search("[a-z]{3}", answer)


@pytest.mark.parametrize("language", ["en", "ru"])
def test_no_answer_of_the_corpus_says_that_it_is_a_machine(language: str) -> None:
    answers = [answer for known in load_corpus(language).values() for answer in known]
    assert len(answers) > 40
    assert not [
        answer
        for answer in answers
        if re.search(r"\b(robots?|software|computer|роботов|искусственный)\b", answer, re.I)
    ]


async def test_another_view_of_a_moment_differs() -> None:
    scenes = {(await Scripted(1).complete(Step.SCENE, turn("Hello", variation=number))).text for number in range(6)}
    assert len(scenes) == 6
