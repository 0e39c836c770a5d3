"""Why an item of a batch could not become an event: stable codes, each with its sentence in English and Spanish."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple


class Rejection(StrEnum):
    """The reason of a reject, as stored and shown."""

    ITEM_UNREADABLE = "item_unreadable"
    ITEM_NOT_OBJECT = "item_not_object"
    ITEM_TOO_LARGE = "item_too_large"
    ITEM_TOO_DEEP = "item_too_deep"
    TEXT_MALFORMED = "text_malformed"
    CHARACTER_FORBIDDEN = "character_forbidden"
    NUMBER_OUT_OF_RANGE = "number_out_of_range"
    TYPE_MISSING = "type_missing"
    TYPE_UNKNOWN = "type_unknown"
    EVENT_MISSING = "event_missing"
    NAME_MALFORMED = "name_malformed"
    NAME_TOO_LONG = "name_too_long"
    CUSTOMER_MISSING = "customer_missing"
    ID_MALFORMED = "id_malformed"
    ID_TOO_LONG = "id_too_long"
    PREVIOUS_ID_MISSING = "previous_id_missing"
    GROUP_ID_MISSING = "group_id_missing"
    TIMESTAMP_UNREADABLE = "timestamp_unreadable"
    NOT_AN_OBJECT = "not_an_object"
    IMPORT_NOT_ALLOWED = "import_not_allowed"
    ALIAS_ONTO_ITSELF = "alias_onto_itself"
    ALIAS_OF_KNOWN = "alias_of_known"
    IDS_TOO_MANY = "ids_too_many"
    PLAN_VIOLATION = "plan_violation"
    HOOK_UNREADABLE = "hook_unreadable"
    HOOK_NOT_UNDERSTOOD = "hook_not_understood"
    HOOK_CUSTOMER_UNKNOWN = "hook_customer_unknown"
    HOOK_PRODUCT_UNFIT = "hook_product_unfit"
    IDENTITY_UNSIGNED = "identity_unsigned"
    IDENTITY_EXPIRED = "identity_expired"
    IDENTITY_WRONG_AUDIENCE = "identity_wrong_audience"
    IDENTITY_WRONG_SUBJECT = "identity_wrong_subject"
    IDENTITY_ALGORITHM = "identity_algorithm"
    IDENTITY_SIGNATURE = "identity_signature"


class Sentences(NamedTuple):
    """One sentence for people, in both languages."""

    en: str
    es: str


SENTENCES: Final[dict[Rejection, Sentences]] = {
    Rejection.ITEM_UNREADABLE: Sentences("this item is not readable JSON", "este elemento no es JSON legible"),
    Rejection.ITEM_NOT_OBJECT: Sentences("an item is a JSON object", "un elemento es un objeto JSON"),
    Rejection.ITEM_TOO_LARGE: Sentences("this item is larger than 32 KB", "este elemento ocupa más de 32 KB"),
    Rejection.ITEM_TOO_DEEP: Sentences("this item nests deeper than 64 levels", "este elemento anida más de 64 niveles"),
    Rejection.TEXT_MALFORMED: Sentences(
        "this item holds text that is not Unicode, such as half a surrogate pair",
        "este elemento contiene texto que no es Unicode, como medio par sustituto",
    ),
    Rejection.CHARACTER_FORBIDDEN: Sentences(
        "this item holds a NUL character, which cannot be stored as text",
        "este elemento contiene un carácter nulo, que no puede guardarse como texto",
    ),
    Rejection.NUMBER_OUT_OF_RANGE: Sentences(
        "this item holds a number that is not finite or needs more than 64 bits",
        "este elemento contiene un número no finito o de más de 64 bits",
    ),
    Rejection.TYPE_MISSING: Sentences(
        "an item of a batch says its type: identify, track, page, screen, group or alias",
        "cada elemento de un lote dice su tipo: identify, track, page, screen, group o alias",
    ),
    Rejection.TYPE_UNKNOWN: Sentences(
        "the type is none of identify, track, page, screen, group and alias",
        "el tipo no es ninguno de estos: identify, track, page, screen, group, alias",
    ),
    Rejection.EVENT_MISSING: Sentences("a track call names its event", "una llamada track nombra su evento"),
    Rejection.NAME_MALFORMED: Sentences("a name is a text", "un nombre es un texto"),
    Rejection.NAME_TOO_LONG: Sentences("a name has at most 200 characters", "un nombre tiene como máximo 200 caracteres"),
    Rejection.CUSTOMER_MISSING: Sentences(
        "neither userId nor anonymousId says whom this is about",
        "ni userId ni anonymousId dicen de quién se trata",
    ),
    Rejection.ID_MALFORMED: Sentences("an id is a text or a whole number", "un identificador es un texto o un número entero"),
    Rejection.ID_TOO_LONG: Sentences("an id has at most 200 characters", "un identificador tiene como máximo 200 caracteres"),
    Rejection.PREVIOUS_ID_MISSING: Sentences("an alias call names its previousId", "una llamada alias nombra su previousId"),
    Rejection.GROUP_ID_MISSING: Sentences("a group call names its groupId", "una llamada group nombra su groupId"),
    Rejection.TIMESTAMP_UNREADABLE: Sentences(
        "this is not an ISO 8601 moment between the years 1900 and 2100",
        "esto no es un momento ISO 8601 entre los años 1900 y 2100",
    ),
    Rejection.NOT_AN_OBJECT: Sentences("this field is a JSON object", "este campo es un objeto JSON"),
    Rejection.IMPORT_NOT_ALLOWED: Sentences(
        "only a secret key may mark an item as an import",
        "solo una clave secreta puede marcar un elemento como importación",
    ),
    Rejection.ALIAS_ONTO_ITSELF: Sentences(
        "an alias joins two ids, and these are the same one",
        "un alias une dos identificadores, y estos son el mismo",
    ),
    Rejection.ALIAS_OF_KNOWN: Sentences(
        "only a secret key may say that a customer who is known is another one",
        "solo una clave secreta puede decir que un cliente conocido es otro",
    ),
    Rejection.IDS_TOO_MANY: Sentences(
        "this customer has as many ids as one customer may have",
        "este cliente ya tiene todos los identificadores que puede tener",
    ),
    Rejection.PLAN_VIOLATION: Sentences(
        "the tracking plan of this workspace does not let such an event in",
        "el plan de seguimiento de este espacio no admite un evento así",
    ),
    Rejection.HOOK_UNREADABLE: Sentences(
        "what the shop's system posted is not a readable JSON object",
        "lo que envió el sistema de la tienda no es un objeto JSON legible",
    ),
    Rejection.HOOK_NOT_UNDERSTOOD: Sentences(
        "this post of the shop's system is about nobody and nothing that is known here",
        "este aviso del sistema de la tienda no trata de nadie ni de nada que se conozca aquí",
    ),
    Rejection.HOOK_CUSTOMER_UNKNOWN: Sentences(
        "this post is about an order of which no earlier post told",
        "este aviso trata de un pedido del que no habló ningún aviso anterior",
    ),
    Rejection.HOOK_PRODUCT_UNFIT: Sentences(
        "the product in this post cannot stand in the catalogue",
        "el producto de este aviso no puede estar en el catálogo",
    ),
    Rejection.IDENTITY_UNSIGNED: Sentences(
        "in this workspace a browser names a user only with a signed token (context.identity.token)",
        "en este espacio un navegador nombra a un usuario solo con un token firmado (context.identity.token)",
    ),
    Rejection.IDENTITY_EXPIRED: Sentences(
        "the identity token has expired, or does not say when it does",
        "el token de identidad ha caducado, o no dice cuándo caduca",
    ),
    Rejection.IDENTITY_WRONG_AUDIENCE: Sentences(
        "the identity token was made for somebody else: its audience is not this workspace",
        "el token de identidad se hizo para otro destinatario: no es este espacio",
    ),
    Rejection.IDENTITY_WRONG_SUBJECT: Sentences(
        "the identity token is for another user than the item names",
        "el token de identidad es de otro usuario que el que nombra el elemento",
    ),
    Rejection.IDENTITY_ALGORITHM: Sentences(
        "the identity token is signed in another way than this workspace laid down",
        "el token de identidad está firmado de otra manera que la fijada en este espacio",
    ),
    Rejection.IDENTITY_SIGNATURE: Sentences(
        "the signature of the identity token does not hold",
        "la firma del token de identidad no es válida",
    ),
}
