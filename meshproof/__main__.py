"""`python -m meshproof`."""

import sys

from meshproof.cli import main

sys.exit(main())
