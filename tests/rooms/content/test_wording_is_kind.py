"""Twenty-five ways of speaking that we do not use, found before a message is published."""

from __future__ import annotations

import pytest

from oportuno.content.label import WORDS
from oportuno.content.wording import FORBIDDEN, findings

SAID = [
    (1, "Te vimos mirando el Galerna", "We saw you looking at the Galerna"),
    (2, "Sabemos que lo quieres", "We know you want it"),
    (3, "Detectamos que estás en Santander", "We detected you are in Santander"),
    (4, "Pasas por delante cada día a las 18:00", "You walk past every day at 6 pm"),
    (5, "¡Corre, que se acaba!", "Hurry, almost gone!"),
    (6, "Solo quedan 2 y 14 personas lo miran", "Only 2 left, 14 people looking"),
    (7, "Última oportunidad", "Last chance"),
    (8, "No, prefiero pagar más", "No, I prefer to pay more"),
    (9, "¿Seguro que quieres dejarnos?", "Are you sure you want to leave us?"),
    (10, "Te echamos de menos", "We miss you"),
    (11, "Has olvidado algo en tu cesta", "You forgot something"),
    (12, "¿Por qué no terminaste tu compra?", "Why didn’t you finish?"),
    (13, "Enhorabuena por tu embarazo", "Congratulations on your pregnancy"),
    (14, "Bañadores para tu talla XXL", "Swimwear for your XXL"),
    (15, "Ofertas para mujeres de 45", "Deals for women of 45"),
    (16, "Regala algo a mamá", "Get something for Mum"),
    (17, "Como cobras a fin de mes…", "Since you get paid at month’s end…"),
    (18, "Acepta para seguir comprando", "Accept to keep shopping"),
    (19, "Mejora tu experiencia", "Improve your experience"),
    (20, "Valoramos tu privacidad", "We value your privacy"),
    (21, "Marcos está escribiendo…", "Marcos is typing…"),
    (22, "Tu llamada es muy importante", "Your call is very important"),
    (23, "Tu opinión nos importa: 12 preguntas", "Your opinion matters: 12 questions"),
    (24, "RE: tu pedido", "RE: your order"),
    (25, "Lo viste 7 veces el martes a las 23:14", "You viewed it 7 times on Tuesday at 11:14 pm"),
]
KIND = [
    "Por tu interés en el Galerna, creemos que puede servirte.",
    "Nuestra tienda de Santander abre hasta las 20:00",
    "Hay talla M. Quedan 2.",
    "Este precio vale hasta el 29",
    "Tu cesta sigue como la dejaste",
    "¿Algo falló al pagar? Te ayudamos",
    "Your basket is just as you left it",
    "Did something fail when paying? Reply and a person reads it.",
    "You looked at it this week",
    "Regalos de invierno y mantas",
    "Respuesta automática. Marcos llega antes de las 12:25",
    "Sobre tu recorrido por la costa",
]


@pytest.mark.parametrize(("number", "spanish", "english"), SAID)
def test_each_forbidden_wording_is_found_in_both_languages(number: int, spanish: str, english: str) -> None:
    for text, language in ((spanish, "es"), (english, "en")):
        found = findings(text, language)
        assert number in {finding.number for finding in found}, text
        assert all(finding.instead for finding in found)


@pytest.mark.parametrize("text", KIND)
def test_kind_words_are_let_through(text: str) -> None:
    assert findings(text, "es") == []


def test_a_finding_names_the_line() -> None:
    (found,) = findings("Hola\n\nÚltima oportunidad", "es")
    assert (found.line, found.found) == (3, "Última oportunidad")


def test_there_are_twenty_five_and_each_has_a_number_of_its_own() -> None:
    assert [ban.number for ban in FORBIDDEN] == list(range(1, 26))


def test_the_label_speaks_both_languages_with_the_same_words_missing_in_neither() -> None:
    assert WORDS["es"].keys() == WORDS["en"].keys()
    for language, words in WORDS.items():
        assert all(words.values())
        assert not [finding for text in words.values() for finding in findings(text, language)]
