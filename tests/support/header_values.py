"""What stands in a request's headers when a client means harm or is broken: for the property tests of all servers."""

from collections.abc import Mapping

from hypothesis import strategies as st

NAMES = (
    "Origin", "HX-Current-URL", "Host", "Cookie", "Accept-Language", "Accept-Encoding", "Range", "If-Range", "If-None-Match",
    "If-Modified-Since", "If-Unmodified-Since", "Transfer-Encoding", "Content-Length", "Content-Type", "Content-Encoding",
    "Authorization", "Expect",
    "Connection", "Upgrade", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host",
)  # fmt: skip
FRAMING = {"Host", "Transfer-Encoding", "Content-Length", "Expect", "Connection", "Upgrade"}
NEAR_MISSES: tuple[str, ...] = (
    "http://[", "http://[::1", "//[", "http://localhost:99999", "http://localhost:port", "localhost:99999", "localhost:0",
    "[::1]:65536", "null", "bytes=9-1", "bytes=-", "bytes=0-0,0-0,5-", "chunked, chunked", "gzip, chunked", "-1", "1e9", "+5",
    "99999999999999999999", "Basic ====", "Bearer", "de;q=x, en;q=nan", "a=b; chattrail=", "text/plain; charset=nonsense",
    "multipart/form-data", 'multipart/form-data; boundary="', "Thu, 99 Foo 99999 99:99:99 GMT", 'W/"', "1.2.3.4:5678, [::1]:x",
)  # fmt: skip

IMPOSSIBLE_DATES = (
    "Mon, 01 Jan 99999999999999999999 00:00:00 GMT", "Mon, 01 Jan 2024 00:00:00 +99999999999999999999",
    "Mon, 01 Jan 2024 99999999999999999999:00:00 GMT", "Mon, 01 Jan 2024 00:00:00 -99999999999999999999",
    "Mon, 99999999999999999999 Jan 2024 00:00:00 GMT", "Mon, 01 Jan 0001 00:00:00 +2359", "Fri, 31 Dec 9999 23:59:59 -2359",
)  # fmt: skip
NEAR_MISSES += (
    *IMPOSSIBLE_DATES,
    "9" * 5000,
    f"bytes=0-{'9' * 5000}",
    f"text/html;q={'9' * 5000}",
    "bytes=" + "0-0," * 1000,
)

# latin-1 as it goes over the wire, without what would end the line
values = st.one_of(
    st.sampled_from(NEAR_MISSES),
    st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=60),
    st.lists(st.sampled_from([*NEAR_MISSES, ",", ";", "=", " ", "ÿ"]), min_size=2, max_size=4).map("".join),
)
headers = st.one_of(
    st.dictionaries(st.sampled_from(NAMES), values, min_size=1, max_size=4),
    st.dictionaries(st.sampled_from([name for name in NAMES if name not in FRAMING]), values, min_size=1, max_size=4),
)


def is_well_formed(given: Mapping[str, str], body: bytes) -> bool:
    """Whether a server can know where this request ends, and has to answer it. Some that are well-formed may be left out."""
    controls = {*map(chr, range(32)), "\x7f"} - {"\t"}
    return not body and not given.keys() & FRAMING and not any(controls & set(value) for value in given.values())
