"""Arithmetic of decoding, sphere by sphere; compiled."""
