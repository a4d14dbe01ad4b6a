"""What the tests share. Nothing here imports the product but ``drive`` and ``listings``, which
stand in for its server."""
