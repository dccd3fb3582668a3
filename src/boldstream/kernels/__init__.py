"""Pure numerics: arrays in, arrays out. No checks, no files, no logging."""
