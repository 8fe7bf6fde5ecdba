"""`python -m explorer` is the command `explorer`."""

import sys

from explorer.cli import main

sys.exit(main())
