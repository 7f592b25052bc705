"""The chart that /stats sends. Matplotlib is large, so it is imported when the first chart is drawn."""

import io
import threading

from babel.dates import format_date

from bot.web_api import Slot

_drawing = threading.Lock()  # matplotlib is not safe to use from several threads


def draw(activity: list[Slot], title: str, labels: tuple[str, str, str], language: str) -> bytes:
    """Draw messages, answers and images over time as a PNG. For a worker thread: about half a second."""
    with _drawing:
        from matplotlib.figure import Figure  # its own canvas is Agg: no window system, no global state

        figure = Figure(figsize=(9, 4.8), dpi=110, facecolor="#ffffff", layout="constrained")
        axes = figure.add_subplot()
        times = list(range(len(activity)))
        lines = (
            ([slot.messages for slot in activity], "#2a9bd8"),
            ([slot.answers for slot in activity], "#8a96a3"),
            ([slot.pictures for slot in activity], "#e08a3c"),
        )
        for (values, colour), label in zip(lines, labels, strict=True):
            axes.plot(times, values, color=colour, linewidth=2.2, label=label)
        axes.fill_between(times, lines[0][0], color=lines[0][1], alpha=0.12)
        shown = times[:: max(1, len(times) // 8)]
        axes.set_xticks(shown, [format_date(activity[at].at, "d MMM", locale=language) for at in shown])
        axes.set_ylim(bottom=0)
        axes.set_title(title, loc="left", fontsize=13, fontweight="bold", pad=12)
        axes.grid(axis="y", color="#e6eaee")
        axes.tick_params(length=0, colors="#55606c")
        for side in ("top", "right", "left"):
            axes.spines[side].set_visible(False)
        axes.spines["bottom"].set_color("#c9d1d9")
        axes.legend(frameon=False, ncols=3, loc="upper right", bbox_to_anchor=(1, 1.13))
        out = io.BytesIO()
        figure.savefig(out, format="png")
        return out.getvalue()
