"""Files on their way in and out: opened, unpacked, decoded and cut into rows, piece by piece."""
