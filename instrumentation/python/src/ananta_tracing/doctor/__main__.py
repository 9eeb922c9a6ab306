"""`python -m ananta_tracing.doctor doctor`, where the command is not on the path."""

import sys

from ananta_tracing.doctor import main

sys.exit(main())
