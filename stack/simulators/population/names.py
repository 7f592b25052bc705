"""Invented names for simulated people, English and Russian; who is meant to be whom is nobody."""

import random


def _words(text: str) -> list[str]:
    return text.split()


_ENGLISH_FIRST = _words(
    "Ada Alice Amber Arthur Ben Bella Caleb Cara Chloe Daniel Dora Dylan Edith Eli Ella Emma Ethan Finn Flora Freya "
    "George Grace Hazel Henry Hugo Iris Ivy Jack James Jasper Joan Jude Kate Leo Liam Lily Lucy Luke Mabel Mason Maya "
    "Miles Nell Noah Nora Olive Oscar Owen Pearl Poppy Quinn Ralph Robin Rose Ruby Rufus Sam Seth Stella Theo Tom Una "
    "Vera Violet Walter Wren Zoe "
)
_ENGLISH_LAST = _words(
    "Abbott Alder Ashby Barlow Birch Blythe Brook Carver Chapman Clay Colby Dale Darrow Eaton Ellery Fairley Finch "
    "Fletcher Gale Grant Hale Hartley Hayes Hollis Ingram Jarvis Keane Kirby Lacey Larkin Locke Marlow Mercer Nash "
    "Norwood Oakley Pace Palmer Pike Quill Rowan Sayer Shaw Sparrow Stone Tate Thorne Tully Vance Wade Weaver Wilder "
)
_RUSSIAN_FEMALE = _words(
    "Алина Анна Арина Валерия Вера Виктория Галина Дарья Диана Ева Екатерина Елена Жанна Зоя Инна Ирина Кира Ксения "
    "Лариса Лидия Лилия Майя Маргарита Марина Мария Надежда Наталья Нина Оксана Ольга Полина Рита Светлана София "
    "Таисия Татьяна Ульяна Юлия Яна "
)
_RUSSIAN_MALE = _words(
    "Алексей Андрей Антон Артём Богдан Борис Вадим Виктор Глеб Григорий Даниил Денис Дмитрий Егор Захар Иван Игорь "
    "Илья Кирилл Константин Лев Макар Максим Марк Матвей Михаил Никита Николай Олег Павел Роман Руслан Семён Сергей "
    "Степан Тимофей Фёдор Юрий Ярослав "
)
_RUSSIAN_LAST = _words(
    "Агапов Беляев Бобров Вавилов Ветров Власов Волков Воронин Гаврилов Глазов Голубев Громов Дёмин Дроздов Дьяков "
    "Ежов Ершов Жданов Журавлёв Зимин Зорин Ильин Калинин Карпов Ключев Козлов Котов Краснов Кузьмин Лапин Лебедев "
    "Лосев Мальцев Маслов Морозов Никитин Носов Орлов Панов Пахомов Рогов Рябов Седов Синицын Соболев Соколов Титов "
    "Удалов Фомин Чайкин Шестаков Щукин Юдин Яшин "
)
_LATIN = dict(
    zip(
        "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
        _words("a b v g d e e zh z i y k l m n o p r s t u f kh ts ch sh shch _ y _ e yu ya"),
        strict=True,
    )
)


def invent(chance: random.Random, language: str) -> tuple[str, str]:
    """Return a full name and the Latin stem for a username. `language` is en or ru."""
    if language == "ru":
        female = chance.random() < 0.5
        first = chance.choice(_RUSSIAN_FEMALE if female else _RUSSIAN_MALE)
        last = chance.choice(_RUSSIAN_LAST) + ("а" if female else "")
    else:
        first, last = chance.choice(_ENGLISH_FIRST), chance.choice(_ENGLISH_LAST)
    name = f"{first} {last}" if chance.random() < 0.7 else first
    stem = "_".join(latin(part) for part in (first, last))
    return name, stem


def latin(name: str) -> str:
    """Spell a name in lower-case Latin letters."""
    return "".join(_LATIN.get(letter, letter) for letter in name.lower()).replace("_", "")
