"""What mail providers post about mail that they took: is it really theirs, and what does each event say. Bytes in, hearings out."""
