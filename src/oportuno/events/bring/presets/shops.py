"""Exports of shop systems, as their own administration pages write them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from oportuno.events.bring.fields import Kind
from oportuno.events.bring.mapping import Mapping as RowMapping
from oportuno.events.bring.presets.preset import Preset

_BY_EMAIL: Final = "Orders name their customer by e-mail address, so that is their user id here, in small letters."
_POR_CORREO: Final = "Los pedidos nombran al cliente por su correo, así que ese es aquí su id, en minúsculas."


def _woo_order(cells: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give a guest's order to their address: WooCommerce writes customer 0 for them."""
    user = str(cells.get("customer_id") or "").strip()
    return {**cells, "customer_id": cells.get("billing_email") if user in {"", "0"} else user}


SHOPS: Final = (
    Preset(
        "shopify",
        Kind.CUSTOMERS,
        "The customer export. "
        + _BY_EMAIL
        + " «Accepts Email Marketing» is no proof: give its method, source, time and wording to use it.",
        "La exportación de clientes. " + _POR_CORREO + " «Accepts Email Marketing» no prueba nada: di método, origen, fecha y texto.",
        RowMapping(
            kind=Kind.CUSTOMERS,
            columns={
                "user_id": "Email",
                "email": "Email",
                "first_name": "First Name",
                "last_name": "Last Name",
                "phone": "Phone",
                "country": "Default Address Country Code",
                "traits.shopify_customer_id": "Customer ID",
                "traits.tags": "Tags",
                "consent.email": "Accepts Email Marketing",
            },
            lower_ids=True,
            preset="shopify",
        ),
    ),
    Preset(
        "shopify",
        Kind.ORDERS,
        "The order export, one row a line item. " + _BY_EMAIL,
        "La exportación de pedidos, una fila por artículo. " + _POR_CORREO,
        RowMapping(
            kind=Kind.ORDERS,
            columns={
                "order_id": "Name",
                "user_id": "Email",
                "timestamp": "Created at",
                "status": "Financial Status",
                "currency": "Currency",
                "total": "Total",
                "payment": "Payment Method",
                "product_id": "Lineitem sku",
                "product_name": "Lineitem name",
                "price": "Lineitem price",
                "quantity": "Lineitem quantity",
                "brand": "Vendor",
            },
            lower_ids=True,
            preset="shopify",
        ),
    ),
    Preset(
        "woocommerce",
        Kind.CUSTOMERS,
        "The customer list with its columns as in the database: customer_id, user_email, first_name, last_name, billing_phone …",
        "La lista de clientes con sus columnas como en la base de datos: customer_id, user_email, first_name, last_name, billing_phone…",
        RowMapping(
            kind=Kind.CUSTOMERS,
            columns={
                "user_id": "customer_id",
                "email": "user_email",
                "first_name": "first_name",
                "last_name": "last_name",
                "phone": "billing_phone",
                "country": "billing_country",
                "timestamp": "user_registered",
            },
            preset="woocommerce",
        ),
    ),
    Preset(
        "woocommerce",
        Kind.ORDERS,
        "Orders, one row a line item. A guest has no customer_id: their e-mail address stands for it.",
        "Pedidos, una fila por artículo. Un invitado no tiene customer_id: vale su correo.",
        RowMapping(
            kind=Kind.ORDERS,
            columns={
                "order_id": "order_id",
                "user_id": "customer_id",
                "timestamp": "order_date",
                "status": "status",
                "currency": "order_currency",
                "total": "order_total",
                "payment": "payment_method",
                "product_id": "item_sku",
                "product_name": "item_name",
                "quantity": "item_quantity",
                "line_total": "item_total",
            },
            lower_ids=True,
            preset="woocommerce",
        ),
        _woo_order,
        frozenset({"order_id", "customer_id", "billing_email", "order_date", "order_total"}),
    ),
    Preset(
        "woocommerce",
        Kind.PRODUCTS,
        "The product export. A variation is a product of its own here, by its SKU.",
        "La exportación de productos. Una variación es aquí un producto propio, por su SKU.",
        RowMapping(
            kind=Kind.PRODUCTS,
            columns={"id": "SKU", "name": "Name", "price": "Regular price", "stock": "Stock", "categories": "Categories", "tags": "Tags"},
            preset="woocommerce",
        ),
    ),
    Preset(
        "shopify",
        Kind.PRODUCTS,
        "The product export. Rows that only add an image are left out; a variant is a product of its own here, by its SKU.",
        "La exportación de productos. Las filas que solo añaden una imagen quedan fuera; una variante es un producto propio, por su SKU.",
        RowMapping(
            kind=Kind.PRODUCTS,
            columns={
                "id": "Variant SKU",
                "name": "Title",
                "image": "Image Src",
                "brand": "Vendor",
                "categories": "Type",
                "price": "Variant Price",
                "was": "Variant Compare At Price",
                "stock": "Variant Inventory Qty",
                "tags": "Tags",
            },
            preset="shopify",
        ),
    ),
    Preset(
        "prestashop",
        Kind.CUSTOMERS,
        "The customer list of the administration. Newsletter and partner offers are no proof: give method, source, time and wording.",
        "La lista de clientes de la administración. Boletín y ofertas no prueban nada: di método, origen, fecha y texto.",
        RowMapping(
            kind=Kind.CUSTOMERS,
            columns={
                "user_id": "ID",
                "first_name": "First name",
                "last_name": "Last name",
                "email": "Email address",
                "timestamp": "Registration",
                "consent.email": "Newsletter",
            },
            preset="prestashop",
        ),
    ),
    Preset(
        "prestashop",
        Kind.ORDERS,
        "The order details with the database's own columns: id_order, id_customer, date_add, product_reference, product_quantity …",
        "Los detalles de pedidos con las columnas de la base de datos: id_order, id_customer, date_add, product_reference…",
        RowMapping(
            kind=Kind.ORDERS,
            columns={
                "order_id": "id_order",
                "user_id": "id_customer",
                "timestamp": "date_add",
                "total": "total_paid",
                "currency": "currency",
                "payment": "payment",
                "product_id": "product_reference",
                "product_name": "product_name",
                "quantity": "product_quantity",
                "price": "unit_price_tax_incl",
            },
            preset="prestashop",
        ),
    ),
    Preset(
        "prestashop",
        Kind.PRODUCTS,
        "The product list of the administration, by reference.",
        "La lista de productos de la administración, por referencia.",
        RowMapping(
            kind=Kind.PRODUCTS,
            columns={"id": "Reference", "name": "Name", "categories": "Category", "price": "Price (tax incl.)", "stock": "Quantity"},
            preset="prestashop",
        ),
    ),
)
