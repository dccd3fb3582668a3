"""Arithmetic of inference over maps; compiled."""
