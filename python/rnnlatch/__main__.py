"""``python -m rnnlatch`` is ``rnnlatch``."""

import sys

from rnnlatch.cli import main

sys.exit(main())
