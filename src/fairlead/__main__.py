"""``python -m fairlead``."""

import sys

from fairlead.cli.main import main

sys.exit(main())
