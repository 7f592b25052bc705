"""A person who tries the stranger's bot out: the stretch of conversation that its tests share."""

from stack.simulators.telegram.person import Person


async def survey_and_gallery(person: Person) -> None:
    """Answer the survey, then look at both images of the gallery."""
    await person.send("/survey")
    await person.wait(lambda m: m.text == "What is your name?")
    await person.send("Ann")
    await person.wait(lambda m: m.text == "Which colour?")
    await person.press("🔵 Blue")
    await person.wait(lambda m: m.text == "Ann, noted")
    await person.send("/gallery")
    await person.wait(lambda m: m.photo and m.caption == "Two greys")
    await person.wait(lambda m: m.photo)
