# SPDX-License-Identifier: MIT
"""``cloud-ingest`` whose leader reads what it shows of the store all the time."""

from cloud_ingest.cli import app
from cloud_ingest.service import store_metrics

if __name__ == "__main__":
    vars(store_metrics).update(READ_EVERY_S=0.5, YESTERDAY_EVERY_S=1.0, REST=1)
    app.main()
