"""Ask for a rebuild as POST /api/v1/reprocess does: `DATABASE_URL=… REDIS_URL=… python -m scripts.reprocess`.

Workers do it; this puts the job on record, rings for it, and says where to look.
"""

from __future__ import annotations

import os
import sys

from core.errors import BadSettings, ProjectError
from core.settings import Settings
from db import reprocess
from db.pool import Database
from workers.queue import Bell


def main() -> int:
    try:
        settings = Settings.from_env(os.environ)
        if settings.database_url is None or settings.redis_url is None:
            raise BadSettings("DATABASE_URL and REDIS_URL must be set: those of the running program.")
        database = Database(settings.database_url, size=1)
        try:
            with database.transaction() as connection:
                made = reprocess.submit(connection, max_attempts=settings.retry_max + 1, requested_by="command")
        finally:
            database.close()
        Bell(settings.redis_url).ring(made.doorbells)
    except ProjectError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    print(f"Job {made.job_id} is on record: GET /api/v1/jobs/{made.job_id} tells how it fares.")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
