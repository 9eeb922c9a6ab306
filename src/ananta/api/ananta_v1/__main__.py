"""`python -m ananta.api.ananta_v1`: prints the OpenAPI description of our own API."""

from __future__ import annotations

import json
import sys

from ananta.api.ananta_v1 import describe

json.dump(describe(), sys.stdout, indent=2, sort_keys=True)
sys.stdout.write("\n")
