# SPDX-License-Identifier: MIT
"""Files of registers that tests write."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


def write_parquet(path: Path, columns: Mapping[str, Sequence[object] | pa.Array]) -> Path:
    """Write columns as a Parquet file."""
    pq.write_table(pa.table(dict(columns)), path)
    return path
