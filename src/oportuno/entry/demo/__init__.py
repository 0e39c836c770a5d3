"""The demonstration: a small shop on real products, its mailbox, and decisions as they are made. Sandbox only, loopback only."""
