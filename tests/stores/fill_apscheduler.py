"""Fills a database by APScheduler 3: three jobs that run, of which one is paused."""

import sys
import time

from apscheduler.schedulers.background import BackgroundScheduler


def tick():
    pass


scheduler = BackgroundScheduler(timezone="UTC")
scheduler.add_jobstore("sqlalchemy", url=f"sqlite:///{sys.argv[1]}")
scheduler.add_job(tick, "interval", seconds=1, id="often")
scheduler.add_job(tick, "cron", minute="*/10", id="ten")
scheduler.add_job(tick, "cron", minute="*/10", id="paused")
scheduler.start()
scheduler.pause_job("paused")
time.sleep(1.5)
scheduler.shutdown()
