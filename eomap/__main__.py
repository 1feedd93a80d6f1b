"""python -m eomap"""

from eomap.cli import main

main()
