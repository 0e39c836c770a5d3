"""The stored schema and its history: expand, deploy, contract."""
