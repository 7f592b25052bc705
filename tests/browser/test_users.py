"""Users: sort, search, filters, pages, each in the address, so that back, forward and a shared link work."""

from playwright.sync_api import Page, expect

from tests.browser.conftest import NARROW, WIDE, OpenPage
from web.analytics.person_key import address_of


def column(page: Page, number: int) -> list[int]:
    """The numbers of a column, as they stand."""
    texts = page.locator(f".people tbody td:nth-child({number})").all_inner_texts()
    return [int(text.replace(",", "").replace(" ", "")) for text in texts]


def people(page: Page) -> int:
    """How many people there are by the API; other tests add some."""
    total: int = page.request.get("/api/analytics/users?limit=1").json()["total"]
    return total


def everybody(page: Page) -> str:
    """What the count says when nothing is filtered."""
    return f"{people(page)} people"


def test_sort_marks_its_column_and_turns_round(open_page: OpenPage) -> None:
    watched = open_page()
    page = watched.go("/analytics/users")
    expect(page.locator("th[aria-sort]")).to_have_text("Last seen")
    page.get_by_role("link", name="Messages", exact=True).click()
    expect(page.locator("th[aria-sort=descending]")).to_have_text("Messages")
    assert "sort=messages" in page.url
    numbers = column(page, 4)
    assert numbers == sorted(numbers, reverse=True)
    assert numbers[0] > numbers[-1]
    page.get_by_role("link", name="Messages", exact=True).click()
    expect(page.locator("th[aria-sort=ascending]")).to_have_text("Messages")
    numbers = column(page, 4)
    assert numbers == sorted(numbers)
    page.go_back()
    expect(page.locator("th[aria-sort=descending]")).to_have_text("Messages")
    page.go_back()
    expect(page.locator("th[aria-sort]")).to_have_text("Last seen")
    page.go_forward()
    expect(page.locator("th[aria-sort=descending]")).to_have_text("Messages")
    watched.check()


def test_search_as_one_types_without_losing_the_place(open_page: OpenPage) -> None:
    watched = open_page()
    page = watched.go("/analytics/users")
    page.keyboard.press("/")
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.type("орлов", delay=30)
    expect(page.locator(".filters-count")).to_have_text("6 people")
    expect(page.locator("#q")).to_be_focused()
    assert page.locator("#q").input_value() == "орлов"
    assert all("Орлов" in name for name in page.locator(".person-name").all_inner_texts())
    expect(page.locator("#announcement")).to_have_text("6 people")
    page.reload()
    expect(page.locator(".filters-count")).to_have_text("6 people")
    watched.check()


def test_links_of_older_filters_are_chips(open_page: OpenPage) -> None:
    watched = open_page()
    page = watched.go("/analytics/users?paid=1&language=ru")
    chips = page.locator(".filter-chip")
    expect(chips).to_have_text(["Paid", "Language: Russian"])
    answer = page.request.get("/api/analytics/users?paid=1&language=ru").json()
    assert 0 < answer["total"] < people(page)
    expect(page.locator(".filters-count")).to_have_text(f"{answer['total']} people")
    rows = page.locator(".people tbody tr").evaluate_all("rows => rows.map(row => row.id)")
    assert rows == [f"user-{address_of(user['client_id'])}" for user in answer["users"]]
    page.get_by_role("link", name="Remove filter: Paid").click()
    expect(chips).to_have_text(["Language: Russian"])
    assert page.url.endswith("/analytics/users?filter=language:ru")
    page.get_by_role("link", name="Remove filter").click()
    expect(page.locator(".filters-count")).to_have_text(everybody(page))
    watched.check()


def test_nobody_found_says_how_to_widen(open_page: OpenPage) -> None:
    page = open_page().go("/analytics/users?q=nobody-is-called-this&paid=1")
    expect(page.locator("main h2")).to_have_text("Nobody matches")
    page.locator("main").get_by_role("link", name="Clear filters").last.click()
    expect(page.locator(".filters-count")).to_have_text(everybody(page))


def test_pages_hold_everybody_once(open_page: OpenPage) -> None:
    watched = open_page()
    page = watched.go("/analytics/users?limit=40&sort=name")
    seen: list[str] = []
    left: list[str] = []  # the first row of each page that was left for the next one
    rows = page.locator(".people tbody tr")
    for _ in range(20):
        seen += rows.evaluate_all("rows => rows.map(row => row.id)")
        following = page.locator("#next-page")
        if not following.count():
            break
        left.append(rows.first.get_attribute("id") or "")
        following.click()
        expect(rows.first).not_to_have_attribute("id", left[-1])
    assert len(seen) == len(set(seen)) == people(page)
    assert left
    for first in reversed(left):
        page.go_back()
        expect(rows.first).to_have_attribute("id", first)
    watched.check()


def test_the_whole_row_leads_to_the_trail(open_page: OpenPage) -> None:
    watched = open_page()
    page = watched.go("/analytics/users?sort=messages")
    row = page.locator(".people tbody tr").first
    name = row.locator(".person-name a").inner_text()
    place = row.locator("td").nth(4).bounding_box()
    assert place is not None
    page.mouse.click(place["x"] + 5, place["y"] + place["height"] / 2)
    page.wait_for_url("**/analytics/users/*")
    expect(page.locator("h1")).to_have_text(name)
    watched.check()


def test_rows_by_keyboard(open_page: OpenPage) -> None:
    page = open_page().go("/analytics/users")
    names = page.locator(".person-name a")
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(names.nth(1)).to_be_focused()
    page.keyboard.press("k")
    expect(names.nth(0)).to_be_focused()


def test_a_phone_sorts_by_a_menu(open_page: OpenPage) -> None:
    watched = open_page(size=NARROW)
    page = watched.go("/analytics/users?paid=1")
    page.locator("select[name=sort]").select_option("pictures")
    page.wait_for_url("**sort=pictures**")
    assert "paid=1" in page.url
    watched.check()


def test_a_statistic_leads_to_its_people(open_page: OpenPage) -> None:
    page = open_page().go("/analytics?range=all")
    page.get_by_role("link", name="Russian").click()
    expect(page.locator(".filter-chip").first).to_have_text("Language: Russian")
    expect(page.locator("h1")).to_have_text("Users")


def test_a_long_username_is_cut_and_not_the_language_behind_it(open_page: OpenPage) -> None:
    for size in (WIDE, NARROW):
        page = open_page(size=size).go("/analytics/users")
        shown = page.evaluate("""() => {
          const more = [...document.querySelectorAll(".person-more")].find((each) => each.children.length === 3);
          const [username, id, language] = more.children;
          username.textContent = "@" + "long_username_".repeat(4);
          id.textContent = "7000000001"; // other tests have people with ids and languages of any length
          language.textContent = "Norwegian (nb)";
          const whole = (each) => each.scrollWidth <= each.clientWidth || getComputedStyle(each).display === "inline";
          return {cut: !whole(username), id: whole(id), out: language.getBoundingClientRect().right
            - more.getBoundingClientRect().right};
        }""")
        assert (shown["cut"], shown["id"]) == (True, True), size
        assert shown["out"] <= 0, size
