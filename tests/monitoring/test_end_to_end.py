"""Prometheus, Alertmanager and a pushgateway over a pipeline: what breaks reaches a webhook, and resolves when it is mended."""

from __future__ import annotations

import json
import re
import subprocess
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from monitoring.cli import main
from spark_ingest.config import load_config
from spark_ingest.errors import LakeError
from spark_ingest.run_metrics import measured
from tests.conftest import free_port
from tests.monitoring import pipeline
from tests.monitoring.pipeline import Exporter, eventually
from tests.monitoring.programs import program
from tests.monitoring.test_alerts import MONITORING
from tests.snowpark_procs.conftest import Warehouse

BROKEN = {"BatchJobFailure", "dbtModelFailure", "HighReconciliationDiscrepancy"}


class Webhook:
    """Keeps which alerts fire and which have resolved, as Alertmanager tells it."""

    def __init__(self) -> None:
        self.firing: set[str] = set()
        self.resolved: set[str] = set()
        self.pages: set[str] = set()
        heard = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                for alert in json.loads(self.rfile.read(int(self.headers["Content-Length"])))["alerts"]:
                    heard.hear(alert)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def hear(self, alert: dict[str, Any]) -> None:
        name = alert["labels"]["alertname"]
        self.pages.add(alert["annotations"]["runbook_url"])
        (self.firing if alert["status"] == "firing" else self.resolved).add(name)


@contextmanager
def process(folder: Path, *command: str) -> Iterator[None]:
    with (folder / f"{Path(command[0]).name}.log").open("w") as log:
        running = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
        try:
            yield
        finally:
            running.kill()
            running.wait()


class Monitoring:
    """The three programs, with the repository's files; only addresses are a test's, and waiting is cut to a second."""

    def __init__(self, folder: Path, exporter: Exporter, webhook: Webhook) -> None:
        self.folder = folder
        self.prometheus, self.alertmanager, self.gateway = (free_port() for _ in range(3))
        self.addresses = {
            "exporter:9400": f"127.0.0.1:{exporter.port}",
            "pushgateway:9091": f"127.0.0.1:{self.gateway}",
            "alertmanager:9093": f"127.0.0.1:{self.alertmanager}",
            "webhook:8080": f"127.0.0.1:{webhook.server.server_address[1]}",
        }
        for name in ("prometheus.yml", "alertmanager.yml", "alerts.yml"):
            (folder / name).write_text(self._here((MONITORING / name).read_text(encoding="utf-8")))

    def _here(self, text: str) -> str:
        for shipped, here in self.addresses.items():
            text = text.replace(shipped, here)
        return re.sub(r"(_interval|group_wait|\bfor): \d+[smh]\b", r"\1: 1s", text.replace("repeat_interval: 12h", ""))

    @contextmanager
    def running(self) -> Iterator[None]:
        def listen(port: int) -> str:
            return f"--web.listen-address=127.0.0.1:{port}"

        with ExitStack() as stack:
            for command in (
                (program("prometheus-pushgateway"), listen(self.gateway)),
                (
                    program("prometheus-alertmanager"),
                    listen(self.alertmanager),
                    "--cluster.listen-address=",
                    "--config.file=alertmanager.yml",
                    "--storage.path=alerts",
                ),
                (
                    program("prometheus"),
                    listen(self.prometheus),
                    "--config.file=prometheus.yml",
                    "--storage.tsdb.path=series",
                ),
            ):
                stack.enter_context(process(self.folder, *command))
            eventually(lambda: self.query("count(up == 1) == 2"), "Prometheus reaches the exporter and the gateway")
            yield

    def query(self, expression: str) -> Sequence[Any]:
        asked = urllib.parse.urlencode({"query": expression})
        with urllib.request.urlopen(f"http://127.0.0.1:{self.prometheus}/api/v1/query?{asked}", timeout=10) as answer:
            found: list[Any] = json.load(answer)["data"]["result"]
        return found

    def batch_job(self, fails: bool) -> None:
        """A Spark job's end, as it tells it to the gateway."""
        given = {"SPARK_INGEST_WAREHOUSE": "lake", "SPARK_INGEST_LANDING": "landing"}
        config = load_config(given | {"SPARK_INGEST_METRICS": f"http://127.0.0.1:{self.gateway}"}, self.folder)
        try:
            with measured(config, "batch-ingest"):
                if fails:
                    raise LakeError("a file is gone")
        except LakeError:
            assert fails


@pytest.mark.integration
def test_what_breaks_is_told_and_resolves(warehouse: Warehouse, tmp_path: Path) -> None:
    for name in ("prometheus", "prometheus-alertmanager", "prometheus-pushgateway"):
        program(name)
    pipeline.healthy(warehouse)
    webhook = Webhook()
    with pipeline.exporting(warehouse) as exporter:
        monitoring = Monitoring(tmp_path, exporter, webhook)
        with monitoring.running():
            monitoring.batch_job(fails=False)
            dashboard = json.loads((MONITORING / "dashboard.json").read_text(encoding="utf-8"))
            eventually(lambda: monitoring.query("spark_batch_job_duration_count"), "Prometheus has the job's run")
            # The lake of this job is none: its lag is told where there is one (tests/spark_ingest/test_run_metrics.py).
            without = [
                panel["title"]
                for panel in dashboard["panels"]
                for target in panel["targets"]
                if "lake_lag" not in target["expr"] and not monitoring.query(target["expr"])
            ]
            assert without == []
            _see(monitoring, dashboard, tmp_path / "dashboard.svg")

            monitoring.batch_job(fails=True)
            pipeline.dbt_run(warehouse, "second", "error")
            pipeline.compare(warehouse, page_views=2)
            exporter.refreshed()
            eventually(lambda: webhook.firing >= BROKEN, f"the webhook hears of {BROKEN}")
            assert not webhook.resolved & BROKEN

            monitoring.batch_job(fails=False)
            pipeline.dbt_run(warehouse, "third", "success")
            pipeline.compare(warehouse, page_views=1)
            exporter.refreshed()
            eventually(lambda: webhook.resolved >= BROKEN, f"the webhook hears that {BROKEN} are over")
            assert {f"docs/runbook/{name}.md" for name in BROKEN} <= webhook.pages

            exporter.process.kill()
            eventually(lambda: "ExporterDown" in webhook.firing, "the webhook hears that the exporter is down")
    webhook.server.shutdown()


def _see(monitoring: Monitoring, dashboard: dict[str, Any], file: Path) -> None:
    """Draw the dashboard as a person would, and find every panel on it, one of them (the lake's lag) without data."""
    url = f"http://127.0.0.1:{monitoring.prometheus}"
    assert main(["picture", "--prometheus", url, "--out", str(file)]) == 0
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", file.read_text(encoding="utf-8"))
    assert {panel["title"] for panel in dashboard["panels"]} <= set(texts)
    assert texts.count("no data") == 1
    assert "user_events newest" in texts
    assert "10.0%" in texts
    assert "2.0 s" in texts  # the model of pipeline.healthy
