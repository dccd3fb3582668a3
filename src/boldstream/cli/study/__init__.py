"""Commands about whole studies."""
