"""What the tests share. Nothing here imports the product."""
