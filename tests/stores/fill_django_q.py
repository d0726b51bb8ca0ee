"""Fills a database by django-q2: its own scheduler and worker, for schedules that are due, three times."""

import sys
from datetime import timedelta

import django
from django.conf import settings

settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": sys.argv[1]}},
    INSTALLED_APPS=["django_q"],
    USE_TZ=True,
    TIME_ZONE="UTC",
    SECRET_KEY="test",
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    Q_CLUSTER={"name": "test", "orm": "default"},
)
django.setup()

from multiprocessing import Queue, Value  # noqa: E402

from django.core.management import call_command  # noqa: E402
from django.utils import timezone  # noqa: E402
from django_q.brokers import get_broker  # noqa: E402
from django_q.models import Schedule  # noqa: E402
from django_q.monitor import monitor  # noqa: E402
from django_q.scheduler import scheduler  # noqa: E402
from django_q.signing import SignedPackage  # noqa: E402
from django_q.worker import worker  # noqa: E402

call_command("migrate", verbosity=0)
Schedule.objects.create(name="fine", func="math.floor", args="1.5", schedule_type="H")
Schedule.objects.create(func="math.sqrt", args="-1", schedule_type="I", minutes=10)
later = timezone.now() + timedelta(hours=1)
Schedule.objects.create(name="once", func="math.floor", args="1.5", schedule_type="O", next_run=later)

broker = get_broker()
for _ in range(3):
    Schedule.objects.exclude(name="once").update(next_run=timezone.now() - timedelta(seconds=1))
    scheduler(broker=broker)
    tasks, results = Queue(), Queue()
    while broker.queue_size():
        for ack_id, package in broker.dequeue():
            task = SignedPackage.loads(package)
            task["ack_id"] = ack_id
            tasks.put(task)
            tasks.put("STOP")
            worker(tasks, results, Value("f", -1))
            results.put("STOP")
            monitor(results, broker)
