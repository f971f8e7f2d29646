"""The page's own JavaScript, run by Node: the same proofs go through it and through Python.

Node comes with the machine or does not: then the tests that need it are skipped and say why.
"""

import base64
import json
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from shared_schema.proof.page import script

_RUN = """
const lines = require("node:readline").createInterface({input: process.stdin});
(async () => {
  for await (const line of lines) {
    const {data, trust, language} = JSON.parse(line), trusted = new Set(trust);
    let answer;
    try {
      const proof = readProof(new Uint8Array(Buffer.from(data, "base64")));
      const verdict = await check(proof, trusted);
      answer = {verdict, words: await wordsOf(proof, verdict, trusted, language)};
    } catch (error) {
      if (!(error instanceof NotAProof)) throw error;
      answer = {refused: true};
    }
    process.stdout.write(JSON.stringify(answer) + "\\n");
  }
})();
"""


@dataclass
class NodePage:
    """A running Node with the page's script."""

    process: subprocess.Popen[str]

    def answer(
        self, data: bytes, trusted: Sequence[str] = (), language: str = "en"
    ) -> dict[str, Any]:
        """What the page says of a file."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        asked = {
            "data": base64.b64encode(data).decode(),
            "trust": list(trusted),
            "language": language,
        }
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the page's script ended"
        found: dict[str, Any] = json.loads(line)
        return found


@contextmanager
def node_page(folder: Path) -> Iterator[NodePage]:
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs Node (node on PATH) to run the page's script")
    path = folder / "page.js"
    path.write_text(script() + _RUN, encoding="utf-8")
    asked = [node, "--no-warnings", "--unhandled-rejections=strict", str(path)]
    with subprocess.Popen(
        asked, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    ) as process:
        try:
            can = "crypto.subtle.importKey('raw', new Uint8Array(32), 'Ed25519', false, ['verify'])"
            probe = subprocess.run(
                [node, "--no-warnings", "-e", can], capture_output=True, check=False
            )
            if probe.returncode:
                pytest.skip("needs a Node whose WebCrypto has Ed25519 (20 or newer)")
            yield NodePage(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
