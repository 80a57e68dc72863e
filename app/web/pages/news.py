"""Show the news as it became known, by time and symbol, with its sentiment, and how fresh each source is."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from nicegui import ui

from app.web import components as show
from app.web.layout import Visit
from core.data.freshness import SourceFreshness
from core.data.news_monitor import NewsItem
from core.domain.as_of import AsOf
from core.reporting.rendering import render_value

MOST_ARTICLES = 50
_LEVELS = {"positive": "good", "negative": "alarm"}
_STATES = {True: ("watch", "late"), False: ("good", "fresh"), None: ("", "too few days to say")}


def news_monitor(visit: Visit) -> None:
    """Draw the page."""
    show.heading("News", "What was known when, how it sounds, and how fresh each source is.")
    with ui.element("div").classes("qd-grid"):
        with show.card("Articles", aside="newest first, as of the desk time"):
            _articles(visit)
        with show.card("Sources", aside="when each last had something new"):
            show.load(
                lambda: visit.services.desk.coverage.freshness(as_of=AsOf(known=visit.services.desk.clock.now())),
                lambda found: show.html(sources_html(found)) if found else _no_source(),
            )


def _articles(visit: Visit) -> None:
    chosen = {"symbol": ""}

    def read() -> tuple[str, Sequence[NewsItem]]:
        desk, asked = visit.services.desk, chosen["symbol"].strip()
        symbol = desk.instruments.find(asked).symbol if asked else None
        as_of = AsOf(known=desk.clock.now())
        return symbol or "", visit.services.news.newest(as_of=as_of, symbol=symbol, limit=MOST_ARTICLES)

    words = (
        ui.element("input")
        .classes("qd-input")
        .props('type="search" placeholder="Symbol or name, then Enter" aria-label="Symbol" maxlength="80"')
    )
    refresh = show.load(read, lambda found: draw_articles(*found))

    async def choose(text: str) -> None:
        chosen["symbol"] = text
        await refresh()

    words.on("change", lambda event: choose(str(event.args)), js_handler="(e) => emit(e.target.value)")


def _no_source() -> None:
    show.empty("sensors", "No source has delivered anything yet", "Each source gets a line once something is stored.")


def draw_articles(symbol: str, items: Sequence[NewsItem]) -> None:
    """Draw the articles, or that none is known of the symbol (of any, when it is empty)."""
    if items:
        show.html(articles_html(items))
    else:
        of = f" of {symbol}" if symbol else ""
        show.empty("feed", f"No article{of} is known", "quantdesk ingest fetches news; files can be imported.")


def articles_html(items: Sequence[NewsItem]) -> str:
    """Return the articles as a list; every text of theirs is escaped, and no address of theirs is a link."""
    return f'<ol class="qd-news">{"".join(_article(item) for item in items)}</ol>'


def _article(item: NewsItem) -> str:
    tone = item.sentiment or "not scored"
    score = "" if item.sentiment_score is None else f" {render_value(item.sentiment_score, 'number')}"
    method = f' title="scored by {escape(item.sentiment_method)}"' if item.sentiment_method else ""
    symbols = "".join(f"<b>{escape(symbol)}</b> " for symbol in item.symbols)
    return (
        f"<li><p><time>{item.known_at:%Y-%m-%d %H:%M}</time> {symbols}"
        f'<span class="qd-badge {_LEVELS.get(tone, "")}"{method}>{escape(tone)}{score}</span></p>'
        f"<h3>{escape(item.headline)}</h3><p>{escape(item.publisher)} · {escape(item.source)}</p></li>"
    )


def sources_html(found: Sequence[SourceFreshness]) -> str:
    """Return a box per source and topic: its last news, its usual pause, late or not."""
    return f'<div class="qd-topics">{"".join(_source(entry) for entry in found)}</div>'


def _source(entry: SourceFreshness) -> str:
    level, word = _STATES[entry.late]
    if entry.topic.startswith("bars"):
        usual = "expected every session"
    elif entry.cadence_days is None:
        usual = "no usual pause known"
    else:
        usual = f"usually every {render_value(entry.cadence_days, 'days')}"
    return (
        f'<div><h3>{escape(entry.source)}</h3><span class="qd-badge {level}">{word}</span>'
        f"<p>{escape(entry.topic)}</p><p>last {entry.last_known_at:%Y-%m-%d %H:%M} UTC,"
        f" {entry.silent_days} days ago</p><p>{usual}</p></div>"
    )
