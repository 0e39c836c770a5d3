"""The client for Python programs: tell Oportuno what happened, from a shop's own server.

    from oportuno.client import Client

    with Client("wk_…", "https://oportuno.example") as oportuno:
        oportuno.track("Product Viewed", {"product_id": "p1"}, user_id="ana")

It stands beside the house: it knows nothing of the server but its HTTP interface, and nothing of the server knows it.
"""

from oportuno.client.client import Client
from oportuno.client.faults import (
    CallMalformed,
    ClientClosed,
    ClientFault,
    GaveUp,
    ItemTooLarge,
    QueueFull,
    Refused,
    Rejected,
    Silent,
    Unreachable,
)
from oportuno.client.sender import WhenFull
from oportuno.client.sending import Sent
from oportuno.client.shown import Because, Customer, Reason, Reject, Replayed, Verdict, Waiting, Would

__all__ = [
    "Because",
    "CallMalformed",
    "Client",
    "ClientClosed",
    "ClientFault",
    "Customer",
    "GaveUp",
    "ItemTooLarge",
    "QueueFull",
    "Reason",
    "Refused",
    "Reject",
    "Rejected",
    "Replayed",
    "Sent",
    "Silent",
    "Unreachable",
    "Verdict",
    "Waiting",
    "WhenFull",
    "Would",
]
