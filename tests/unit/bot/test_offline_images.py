"""The offline images: the same prompt gives the same image, another prompt another, whatever the prompt is."""

import io

import pytest
from PIL import Image

from bot.content.images import image_for
from bot.content.personas import load_personas
from bot.llm.offline import offline_image

PROMPTS = [moment for persona in load_personas().all for story in persona.stories for moment in story.moments]


def test_the_same_prompt_and_seed_repeat_the_image() -> None:
    assert image_for("a lighthouse at night", 1) == image_for("a lighthouse at night", 1)
    assert image_for("a lighthouse at night", 1) != image_for("a lighthouse at night", 2)


def test_every_prompt_has_an_image_of_its_own() -> None:
    assert len({image_for(prompt, 1) for prompt in PROMPTS}) == len(set(PROMPTS))


def test_another_image_of_a_moment_shows_something_else() -> None:
    def pixels(prompt: str) -> bytes:
        with Image.open(io.BytesIO(image_for(prompt, 1))) as image:
            return image.tobytes()

    views = [pixels(f"{PROMPTS[0]}, wide view, moment 2.{number}") for number in range(12)]
    assert len(set(views)) == 12


@pytest.mark.parametrize("prompt", ["", "🙂", "\ud800", "x" * 100_000, "нечто на русском", "SEA\x00", *PROMPTS[:6]])
def test_whatever_the_prompt_a_small_jpeg_comes_out(prompt: str) -> None:
    data = image_for(prompt, 3)
    assert len(data) < 60_000
    with Image.open(io.BytesIO(data)) as image:
        assert image.format == "JPEG"
        assert 512 <= image.width == image.height <= 768
        colours = image.convert("RGB").getcolors(1 << 20)
        assert colours is not None
        assert len(colours) >= 12  # a scene, not an area


def test_the_words_choose_the_hour() -> None:
    def brightness(prompt: str) -> float:
        with Image.open(io.BytesIO(image_for(prompt, 1))) as image:
            return float(sum(image.convert("L").tobytes())) / (image.width * image.height)

    assert brightness("a mountain at night") < brightness("a sunny day in the mountains") - 40


async def test_the_image_comes_with_its_content_type() -> None:
    image = await offline_image("a forest", seed=1)
    assert (image.content_type, image.data) == ("image/jpeg", image_for("a forest", 1))
