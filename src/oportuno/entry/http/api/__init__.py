"""The API under /api/v1, one file a subject. Every call carries a secret key."""
