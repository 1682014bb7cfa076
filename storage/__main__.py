"""`python -m storage`: migrate the database to the newest version and print where it is."""

import sys

from augment.errors import StorageError
from storage.engine import migrate, open_engine
from storage.store import default_url


def main() -> int:
    """Migrate the default database."""
    engine = open_engine(default_url())
    try:
        version = migrate(engine)
    except StorageError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"Database: {engine.url.render_as_string(hide_password=True)} at version {version}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
