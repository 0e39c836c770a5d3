"""Words we do not say to a customer, whatever the play, and what to say instead.

The shop as a watcher, pressure, guilt, false intimacy, inferences about a person: each pattern stands for one kind of sentence.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec


class Forbidden(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of sentence that is never sent."""

    number: int
    why: str
    pattern: str
    instead_es: str
    instead_en: str


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A forbidden wording found in a text."""

    number: int
    """Which of the forbidden wordings."""
    why: str
    found: str
    """The words as they stand."""
    line: int
    """Counted from 1."""
    instead: str
    """A friendly rewrite in the text's language."""


def _ban(number: int, why: str, pattern: str, instead_es: str, instead_en: str) -> Forbidden:
    return Forbidden(number=number, why=why, pattern=pattern, instead_es=instead_es, instead_en=instead_en)


FORBIDDEN: Final = (
    _ban(
        1,
        "watcher",
        r"\b(te|le|os) (vimos|hemos visto|estamos viendo) |\bwe (saw|noticed|watched) you\b|\bwe(’|')ve (seen|noticed) you\b",
        "Por tu interés en {producto}",
        "Because of your interest in {product}",
    ),
    _ban(
        2,
        "claims your mind",
        r"\bsabemos (que|lo que|qué) (lo |te |le )?(quieres|deseas|gusta|quiere)|\bwe know (you|what you) (want|love|like)",
        "Por si aún te interesa",
        "In case you are still interested",
    ),
    _ban(
        3,
        "tracking",
        r"\b(hemos detectado|detectamos) |\bwe(’|')?(ve)? ?detected\b|\bseguimos tus pasos",
        "Nuestra tienda de {ciudad} abre hasta las {hora}",
        "Our {city} shop is open until {time}",
    ),
    _ban(
        4,
        "a route is never said",
        r"\bpasas por (delante|aquí|la tienda)|\byou (walk|pass|drive) (past|by)\b",
        "(callar)",
        "(stay silent)",
    ),
    _ban(
        5,
        "pressure",
        r"¡?\b(corre|date prisa)\b[^.\n]{0,20}(!|que )|\bse (acaba|agota)(n)?\b ?!|\bhurry\b|\balmost gone\b|\bact now\b",
        "Hay talla {talla}",
        "Size {size} is in stock",
    ),
    _ban(
        6,
        "crowd pressure",
        r"\d+ (personas|clientes) (lo|la|los|las|están) ?(miran|viendo|mirando)|\d+ people (are )?(looking|viewing|watching)"
        r"|\bsolo quedan? \d+|\bonly \d+ left",
        "Quedan {n} (solo si es cierto y útil)",
        "{n} left (only if true and useful)",
    ),
    _ban(
        7,
        "false finality",
        r"\b(última|ultima) (oportunidad|ocasión)|\blast chance\b|\bnow or never\b|\bahora o nunca\b",
        "Este precio vale hasta el {fecha}",
        "This price stands until {date}",
    ),
    _ban(
        8,
        "shaming the no",
        r"\bno,? (prefiero pagar más|no quiero ahorrar|odio)"
        r"|\bno,? (thanks, )?i (prefer to pay more|don(’|')t want to save|hate)",
        "No, gracias",
        "No, thanks",
    ),
    _ban(
        9,
        "guilt",
        r"¿seguro que (quieres|deseas) (dejarnos|irte|darte de baja)"
        r"|\bare you sure you want to (leave|go|unsubscribe)|\bsorry to see you go",
        "Darme de baja de todo",
        "Unsubscribe from everything",
    ),
    _ban(
        10,
        "false intimacy",
        r"\b(te|os|le) (echamos de menos|extrañamos)|\bwe(’|')?(ve)? miss(ed)? you\b",
        "Hace tiempo que no hablamos",
        "It has been a while",
    ),
    _ban(
        11,
        "blames",
        r"\b(has olvidado|olvidaste|te (has dejado|dejaste) olvidado)\b|\byou(’|')?(ve)? (forgot|left behind)",
        "Tu cesta sigue como la dejaste",
        "Your basket is just as you left it",
    ),
    _ban(
        12,
        "interrogates",
        r"¿por qué no (terminaste|acabaste|compraste|completaste)|\bwhy didn(’|')t you (finish|buy|complete)",
        "¿Algo falló al pagar? Te ayudamos",
        "Did something fail when paying? We can help",
    ),
    _ban(
        13,
        "sensitive inference",
        r"\b(enhorabuena|felicidades)\b[^.\n]{0,30}\b(embarazo|bebé|boda)|\bcongratulations on your (pregnancy|baby|wedding)",
        "Novedades para bebé (solo si eligió el tema)",
        "New for babies (only if chosen)",
    ),
    _ban(
        14,
        "body",
        r"\b(tu|tus|your) (talla )?(xxl|xxxl|3xl|4xl)\b|\btallas? grandes? para ti\b|\bplus[- ]size for you\b",
        "Nuestra colección de {tema}",
        "Our {topic} collection",
    ),
    _ban(
        15,
        "demographics first",
        r"\bpara (mujeres|hombres|señoras|señores) de \d+|\bfor (women|men|ladies|gentlemen) (of|over|aged) \d+",
        "Lo nuevo en {tema}",
        "New in {topic}",
    ),
    _ban(
        16,
        "may hurt",
        r"\b(regala|regálale|un regalo)\b[^.\n]{0,20}\b(mamá|papá|tu madre|tu padre)\b"
        r"|\bfor your (mum|mom|dad|mother|father)\b|\bget something for (mum|mom|dad)\b",
        "Ideas para el {fecha} (a quien no lo saltó)",
        "Ideas for {date} (to those who did not skip)",
    ),
    _ban(
        17,
        "money inference",
        r"\bcomo cobras\b|\bahora que (has cobrado|cobraste)\b|\bsince you get paid\b|\bnow that you(’|')?(ve)? (been )?(got )?paid\b",
        "(callar)",
        "(stay silent)",
    ),
    _ban(
        18,
        "forced consent",
        r"\bacepta para (seguir|continuar)|\baccept to (keep|continue)",
        "La tienda funciona igual si dices que no",
        "The shop works the same if you say no",
    ),
    _ban(
        19,
        "hides the price",
        r"\b(mejora(r)?|improve|enhance) (tu|your) (experiencia|experience)",
        "Verás primero lo que va contigo",
        "You see what suits you first",
    ),
    _ban(
        20,
        "empty",
        r"\bvaloramos tu privacidad|\bnos importa tu privacidad|\bwe (value|care about|respect) your privacy",
        "Hasta que respondas no guardamos nada",
        "Until you answer, we keep nothing",
    ),
    _ban(21, "pretends", r"\bestá escribiendo(…|\.\.\.)|\bis typing(…|\.\.\.)", "Respuesta automática", "Automatic reply"),
    _ban(
        22,
        "no promise",
        r"\btu llamada es (muy )?importante|\byour call is (very )?important",
        "Te contestamos antes de las {hora}",
        "We will reply before {time}",
    ),
    _ban(
        23,
        "takes time",
        r"\btu opinión (nos importa|es importante)|\byour opinion matters",
        "Una sola pregunta",
        "One question only",
    ),
    _ban(
        24,
        "disguise",
        r"(?m)^\s*(re|fw|fwd|rv)\s*:",
        "Oferta especial: {oferta}",
        "Special offer: {offer}",
    ),
    _ban(
        25,
        "needless detail",
        r"\b(viste|miraste|visitaste|has visto)\b[^.\n]{0,30}\b\d+ veces\b[^.\n]{0,30}\b(a las|el) "
        r"|\byou (viewed|looked|visited)\b[^.\n]{0,30}\b\d+ times\b[^.\n]{0,30}\b(at|on) ",
        "Lo miraste esta semana",
        "You looked at it this week",
    ),
)
"""The forbidden wordings. Patterns are matched without regard to capitals."""

_COMPILED: Final = tuple((ban, re.compile(ban.pattern, re.IGNORECASE)) for ban in FORBIDDEN)


def findings(text: str, language: str) -> list[Finding]:
    """Find forbidden wordings in a text, in its order. Empty: nothing to object to."""
    found = [
        Finding(
            number=ban.number,
            why=ban.why,
            found=match.group().strip(),
            line=text.count("\n", 0, match.start()) + 1,
            instead=ban.instead_es if language == "es" else ban.instead_en,
        )
        for ban, pattern in _COMPILED
        for match in pattern.finditer(text)
    ]
    return sorted(found, key=lambda finding: (finding.line, finding.number))
