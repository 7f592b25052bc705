"""The body of an answer over HTTP, in bounded memory."""

import aiohttp


async def read_answer(response: aiohttp.ClientResponse, at_most: int) -> bytes:
    """The whole body, or its first `at_most` bytes. One read gives no more than what has arrived."""
    content = bytearray()
    while chunk := await response.content.read(at_most - len(content)):
        content += chunk
    return bytes(content)
