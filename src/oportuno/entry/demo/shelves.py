"""Which products of the data the shop sells, what they are called in each language, and which drawing stands for them.

The data knows products only by a type in capitals, so a shelf finds its product by words and takes the one that sold most.
"""

from __future__ import annotations

from typing import Final

import msgspec


class Shelf(msgspec.Struct, frozen=True):
    """A place in the shop, filled by the best-selling product that all the words fit."""

    words: str
    """Words that the product's type must contain, in any order; a word after ``-`` must not be there."""
    department: str
    """Words of the department, same rule."""
    drawing: str
    es: str
    en: str


class Aisle(msgspec.Struct, frozen=True):
    """A part of the shop."""

    key: str
    es: str
    en: str
    shelves: tuple[Shelf, ...]


def _shelf(words: str, department: str, drawing: str, es: str, en: str) -> Shelf:
    return Shelf(words, department, drawing, es, en)


AISLES: Final = (
    Aisle(
        "huerta",
        "Huerta",
        "Greens",
        (
            _shelf("banana", "produce", "banana", "Plátanos", "Bananas"),
            _shelf("apple gala", "produce", "apple", "Manzanas Gala", "Gala apples"),
            _shelf("avocado", "produce", "avocado", "Aguacates", "Avocados"),
            _shelf("strawberr", "produce", "strawberry", "Fresas", "Strawberries"),
            _shelf("tomato vine", "produce", "tomato", "Tomates en rama", "Vine tomatoes"),
            _shelf("orange navel", "produce", "orange", "Naranjas", "Oranges"),
            _shelf("broccoli", "produce", "broccoli", "Brócoli", "Broccoli"),
            _shelf("carrot bag", "produce", "carrot", "Zanahorias", "Carrots"),
            _shelf("grape white", "produce", "grapes", "Uvas blancas", "White grapes"),
            _shelf("lemon", "produce", "lemon", "Limones", "Lemons"),
        ),
    ),
    Aisle(
        "frescos",
        "Frescos",
        "Fresh",
        (
            _shelf("fluid milk white", "grocery", "milk", "Leche", "Milk"),
            _shelf("egg large -x-large", "grocery", "eggs", "Huevos grandes", "Large eggs"),
            _shelf("butter -spray -peanut -cracker -milk", "grocery", "butter", "Mantequilla", "Butter"),
            _shelf("loaf cheese", "grocery", "cheese", "Queso en bloque", "Block cheese"),
            _shelf("yogurt not multi", "grocery", "yogurt", "Yogur", "Yogurt"),
            _shelf("pure juice", "grocery", "juice", "Zumo de naranja", "Orange juice"),
        ),
    ),
    Aisle(
        "horno",
        "Horno",
        "Bakery",
        (
            _shelf("mainstream white bread", "grocery", "loaf", "Pan de molde", "Sliced bread"),
            _shelf("bagel", "pastry", "bagel", "Bagels", "Bagels"),
            _shelf("donut", "pastry", "donut", "Dónuts", "Doughnuts"),
            _shelf("cookie regular", "pastry", "cookie", "Galletas del horno", "Bakery cookies"),
            _shelf("pie pumpkin", "pastry", "pie", "Tarta de calabaza", "Pumpkin pie"),
        ),
    ),
    Aisle(
        "despensa",
        "Despensa",
        "Pantry",
        (
            _shelf("ground coffee", "grocery", "coffee", "Café molido", "Ground coffee"),
            _shelf("spaghetti dry", "grocery", "pasta", "Espaguetis", "Spaghetti"),
            _shelf("canola oil", "grocery", "oil", "Aceite de colza", "Rapeseed oil"),
            _shelf("condensed soup", "grocery", "soup", "Sopa en lata", "Tinned soup"),
            _shelf("peanut butter", "grocery", "jar", "Crema de cacahuete", "Peanut butter"),
            _shelf("tuna", "grocery", "tuna", "Atún en lata", "Tinned tuna"),
            _shelf("family cereal", "grocery", "cereal", "Cereales", "Cereal"),
            _shelf("sugar -tea -with -free -cane", "grocery", "sugar", "Azúcar", "Sugar"),
        ),
    ),
    Aisle(
        "casa",
        "Casa",
        "Home",
        (
            _shelf("toilet tissue", "grocery", "roll", "Papel higiénico", "Toilet paper"),
            _shelf("liquid laundry", "grocery", "detergent", "Detergente líquido", "Laundry liquid"),
            _shelf("dish detergent", "grocery", "soap", "Lavavajillas", "Washing-up liquid"),
            _shelf("candle", "drug", "candle", "Velas", "Candles"),
            _shelf("bouquet", "floral", "flowers", "Ramo de flores", "Bunch of flowers"),
        ),
    ),
)

GIFT_AISLES: Final = (
    Aisle(
        "mesa",
        "Mesa y cocina",
        "Table and kitchen",
        (
            _shelf("jumbo bag red", "", "bag", "Bolsa grande de lunares", "Big polkadot bag"),
            _shelf("cakestand", "", "cakestand", "Frutero de tres pisos", "Three-tier cake stand"),
            _shelf("mug", "", "mug", "Taza", "Mug"),
            _shelf("teacup", "", "teacup", "Taza de té con plato", "Teacup and saucer"),
            _shelf("lunch box", "", "lunchbox", "Fiambrera", "Lunch box"),
            _shelf("cake cases", "", "cases", "Moldes de magdalena", "Cake cases"),
            _shelf("jam making", "", "jar", "Juego para mermelada", "Jam making set"),
        ),
    ),
    Aisle(
        "luz",
        "Luz y velas",
        "Light and candles",
        (
            _shelf("t-light holder", "", "candle", "Portavelas con corazón", "Heart tea-light holder"),
            _shelf("metal lantern", "", "lantern", "Farol de metal", "Metal lantern"),
            _shelf("light string", "", "bulb", "Guirnalda de luces", "Light string"),
        ),
    ),
    Aisle(
        "adorno",
        "Adorno",
        "Decoration",
        (
            _shelf("bunting", "", "bunting", "Banderines", "Bunting"),
            _shelf("ornament", "", "bird", "Adorno de pájaro", "Bird ornament"),
            _shelf("clock", "", "clock", "Reloj despertador", "Alarm clock"),
            _shelf("picture frame", "", "frame", "Marco de fotos", "Picture frame"),
            _shelf("doormat", "", "mat", "Felpudo", "Doormat"),
        ),
    ),
    Aisle(
        "papel",
        "Papel y regalo",
        "Paper and gifts",
        (
            _shelf("wrap", "", "roll", "Papel de regalo", "Gift wrap"),
            _shelf("card", "", "card", "Tarjeta", "Card"),
            _shelf("hot water bottle", "", "bottle", "Bolsa de agua caliente", "Hot water bottle"),
        ),
    ),
)
"""Shelves of the gift shop; its data has no departments."""


def fits(words: str, text: str) -> bool:
    """Say whether a type or department in capitals holds all the words, and none of those after ``-``."""
    low = text.lower()
    return all((word[1:] not in low) if word[0] == "-" else (word in low) for word in words.split())


def aisles_of(data: str) -> tuple[Aisle, ...]:
    """Give the aisles of the shop that stands on a data set."""
    return GIFT_AISLES if data == "online-retail" else AISLES


def aisle_named(key: str) -> Aisle:
    """Give an aisle of either shop."""
    return next(aisle for aisle in (*AISLES, *GIFT_AISLES) if aisle.key == key)
