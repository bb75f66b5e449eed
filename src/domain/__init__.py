"""What is true: facts, decisions and the values they speak of. Python and msgspec only; no clock, no chance, no IO."""
