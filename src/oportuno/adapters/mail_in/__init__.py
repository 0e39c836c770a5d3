"""Where mail comes in: a port that speaks LMTP and SMTP, and a Maildir folder. Neither knows what is in a mail; both lose none."""
