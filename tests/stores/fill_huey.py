"""Fills a database by huey: a task that waits for its time, and one that is done."""

import os
import sys
import time

os.environ["TZ"] = "UTC"
time.tzset()

from huey import SqliteHuey  # noqa: E402

huey = SqliteHuey(filename=sys.argv[1])


@huey.task()
def tick():
    return 1


tick.schedule(delay=600)
tick()
huey.execute(huey.dequeue())
