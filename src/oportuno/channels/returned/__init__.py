"""Mail that comes back: bounces, complaints, answers of machines and of people. Bytes in, hearings out; nothing here believes a sender."""
