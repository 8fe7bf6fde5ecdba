"""`python -m explorer` is the command `explorer`."""

import sys

from explorer.cli.main import main

sys.exit(main())
