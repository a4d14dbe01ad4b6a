"""``python -m multistore``"""

from multistore.cli import main

main(prog_name="multistore")
