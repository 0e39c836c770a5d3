"""What is said about a backtest, in both languages."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from babel.dates import format_date
from babel.numbers import format_decimal

from oportuno.consent.refusals import Refusal, sentence
from oportuno.entry.backtest.summary import PlayFigures, Summary
from oportuno.kit.times import Millis

LANGUAGES: Final = ("es", "en")
_LOCALES: Final = {"es": "es_ES", "en": "en_GB"}
_SAID: Final[dict[str, dict[str, str]]] = {
    "es": {
        "title": "Lo que habríamos dicho",
        "between": "Del {since} al {until}, con los pedidos y los precios reales de {customers} clientes.",
        "spoken": "{spoken} mensajes a {people} personas; {held} propuestas se callaron a propósito.",
        "weeks": "Mensajes por semana",
        "held": "Por qué se calló",
        "touches": "Mensajes que recibiría cada persona",
        "none": "ninguno",
        "more": "{n} o más",
        "people": "{n} personas",
        "person": "{n} persona",
        "silent": "No dice nada aquí: los datos no traen {lacking}.",
        "lacking.abandoned-cart": "cestas sin comprar",
        "lacking.back-in-stock": "existencias",
        "lacking.new-in-favourite": "fechas de lanzamiento",
        "lacking.after-purchase": "manuales ni seguimiento de envíos",
        "waiting": "{n} esperaban todavía al final.",
        "falls": "{falls} precios bajaron algo; la noticia alcanzó {told} veces a alguien que ya había comprado ese producto.",
        "assumed.watchers": "A quien ya compró un producto se le cuenta como si lo hubiera guardado: eso es un supuesto.",
        "assumed.answers": "Los permisos son simulados: {may_write} de {customers} dijeron que sí al correo.",
        "assumed.reactions": "No se imagina lo que la gente habría hecho al recibirlos: aquí no hay ventas ni clics.",
        "assumed.price": "El precio de una semana es el que pagó la mayoría de sus líneas, en los {products} productos con más líneas.",
        "limits": "Ningún límite por persona se habría superado.",
        "limits.over": "Atención: {over_limit} mensajes habrían superado un límite.",
        "pending": "Se está calculando con los datos de esta tienda; suele tardar un par de minutos. Esta página se renueva sola.",
        "play": "Jornada",
        "messages": "Mensajes",
        "reached": "Personas",
        "kept": "Callados",
    },
    "en": {
        "title": "What we would have said",
        "between": "From {since} to {until}, with the real orders and prices of {customers} customers.",
        "spoken": "{spoken} messages to {people} people; {held} proposals were left unsaid on purpose.",
        "weeks": "Messages by week",
        "held": "Why it stayed silent",
        "touches": "Messages each person would have got",
        "none": "none",
        "more": "{n} or more",
        "people": "{n} people",
        "person": "{n} person",
        "silent": "Says nothing here: the data has no {lacking}.",
        "lacking.abandoned-cart": "baskets that were left",
        "lacking.back-in-stock": "stock",
        "lacking.new-in-favourite": "launch dates",
        "lacking.after-purchase": "manuals or tracking links",
        "waiting": "{n} still waited at the end.",
        "falls": "{falls} prices fell; the news reached somebody who had bought that product before {told} times.",
        "assumed.watchers": "Whoever bought a product before counts as if they had saved it: that is an assumption.",
        "assumed.answers": "Consents are simulated: {may_write} of {customers} said yes to e-mail.",
        "assumed.reactions": "What people would have done with the messages is not imagined: there are no sales and no clicks here.",
        "assumed.price": "A week's price is what most of its lines paid, of the {products} products with most lines.",
        "limits": "No limit of any person would have been exceeded.",
        "limits.over": "Beware: {over_limit} messages would have exceeded a limit.",
        "pending": "It is being worked out on this shop's data, which takes a couple of minutes. This page renews itself.",
        "play": "Play",
        "messages": "Messages",
        "reached": "People",
        "kept": "Unsaid",
    },
}


def said(language: str, key: str, **slots: object) -> str:
    """Give one sentence with its slots filled; numbers as the language writes them."""
    return _SAID[language][key].format(
        **{name: number(value, language) if isinstance(value, int) else value for name, value in slots.items()}
    )


def people_said(count: int, language: str) -> str:
    """Say how many people."""
    return said(language, "person" if count == 1 else "people", n=count)


def number(value: int, language: str) -> str:
    """Write a whole number."""
    text: str = format_decimal(value, locale=_LOCALES[language])
    return text


def day(at: Millis, language: str) -> str:
    """Write a day."""
    text: str = format_date(datetime.fromtimestamp(at / 1000, UTC), format="long", locale=_LOCALES[language])
    return text


def opening(summary: Summary, language: str) -> list[str]:
    """Say what was looked at and what came of it, in two sentences."""
    return [
        said(language, "between", since=day(summary.since, language), until=day(summary.until, language), customers=summary.customers),
        said(
            language,
            "spoken",
            spoken=sum(play.spoken for play in summary.plays),
            people=summary.customers - summary.touches[0],
            held=sum(sum(play.held.values()) for play in summary.plays),
        ),
    ]


def assumptions(summary: Summary, language: str) -> list[str]:
    """Say what was assumed, what is simulated, and what nobody can know."""
    limits = "limits.over" if summary.over_limit else "limits"
    return [
        said(language, limits, over_limit=summary.over_limit),
        said(language, "falls", falls=summary.falls, told=summary.told),
        said(language, "assumed.watchers"),
        said(language, "assumed.answers", may_write=summary.may_write, customers=summary.customers),
        said(language, "assumed.price", products=summary.products),
        said(language, "assumed.reactions"),
    ]


def reasons(held: dict[str, int], language: str) -> list[tuple[str, int]]:
    """Name the refusals as a marketer reads them."""
    return [(sentence(Refusal(why), reader="marketer", language=language).rstrip("."), times) for why, times in held.items()]


def silence_of(play: PlayFigures, language: str) -> str:
    """Say why a play that proposed nothing says nothing; empty when it proposed something, or nobody can say why not."""
    if play.spoken or play.held or play.waiting or f"lacking.{play.key}" not in _SAID[language]:
        return ""
    return said(language, "silent", lacking=_SAID[language][f"lacking.{play.key}"])
