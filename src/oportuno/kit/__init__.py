"""The words every room shares: ids, time, money and faults. Imports nothing of ours."""
