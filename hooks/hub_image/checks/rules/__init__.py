"""The rules themselves, one module each."""
