"""Webhooks: signed the Standard Webhooks way, connected only to addresses that were looked at, each answer one of four outcomes."""
