"""Write the file's JSON schema: ``python -m sisock_site > site.schema.json``."""

import json
import sys

from sisock_site.document import schema

if __name__ == "__main__":
    sys.stdout.write(json.dumps(schema(), indent=1) + "\n")
