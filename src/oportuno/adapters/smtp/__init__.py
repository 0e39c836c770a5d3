"""E-mail over SMTP: how a mail is built, signed, carried over kept connections, and what its server's answer means."""
