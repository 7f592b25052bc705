"""Everything behind the bot goes away, and the people who talk to it notice nothing."""

from pathlib import Path

import pytest

from tests.acceptance.conftest import whole_stack
from tests.acceptance.test_main_job import until
from tests.support.bot_support import begin_story


@pytest.mark.parametrize("collector", [True, False], ids=["with a collector", "without"])
async def test_the_bot_goes_on_answering_when_all_behind_it_is_dead(tmp_path: Path, *, collector: bool) -> None:
    async with whole_stack(tmp_path, collector=collector) as whole:
        ann = whole.telegram.person(1001, name="Ann", language_code="en")
        await begin_story(ann)
        await until("the first events", lambda: whole.events(ann.id))
        await whole.kill("collector", "sidecar", "clickhouse", "web")
        for text in ("Are you there?", "And now?", "Tell me more"):
            await ann.send(text)
            await ann.wait()
        await ann.press("picture:new")
        await ann.wait(lambda message: message.photo)
