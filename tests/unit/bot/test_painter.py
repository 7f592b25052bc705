"""The offline painter: the same prompt gives the same picture, another prompt another; small, and quick enough."""

import io
import time

import pytest
from PIL import Image

from bot.content.personas import load_cast
from bot.llm.painter import OfflinePainter, paint

PROMPTS = [moment for persona in load_cast().personas for story in persona.stories for moment in story.moments]


def test_the_same_prompt_and_seed_repeat_the_picture() -> None:
    assert paint("a lighthouse at night", 1) == paint("a lighthouse at night", 1)
    assert paint("a lighthouse at night", 1) != paint("a lighthouse at night", 2)


def test_every_prompt_has_a_picture_of_its_own() -> None:
    pictures = {paint(prompt, 1) for prompt in PROMPTS}
    assert len(pictures) == len(set(PROMPTS))


@pytest.mark.parametrize("prompt", ["", "🙂", "\ud800", "x" * 100_000, "нечто на русском", "SEA\x00", *PROMPTS[:6]])
def test_whatever_the_prompt_a_small_png_comes_out(prompt: str) -> None:
    data = paint(prompt, 3)
    assert len(data) < 60_000
    with Image.open(io.BytesIO(data)) as image:
        assert image.format == "PNG"
        assert 512 <= image.width == image.height <= 768
        colours = image.convert("RGB").getcolors(1 << 20)
        assert colours is not None
        assert len(colours) >= 12  # a scene, not an area


def test_the_words_choose_the_hour() -> None:
    def brightness(prompt: str) -> float:
        with Image.open(io.BytesIO(paint(prompt, 1))) as image:
            return float(sum(image.convert("L").tobytes())) / (image.width * image.height)

    assert brightness("a mountain at night") < brightness("a sunny day in the mountains") - 40


def test_a_picture_costs_little() -> None:
    paint("warm up", 1)
    started = time.process_time()
    for prompt in PROMPTS:
        paint(prompt, 1)
    # 60 ms is the promise; twice that leaves room for a busy machine's cache misses.
    assert (time.process_time() - started) / len(PROMPTS) < 0.12


async def test_the_painter_keeps_the_contract_of_picture_makers() -> None:
    painter = OfflinePainter(1)
    picture = await painter.make("a forest")
    assert (picture.content_type, picture.data) == ("image/png", paint("a forest", 1))
    await painter.close()
