# SPDX-License-Identifier: GPL-2.0-only
"""What changes in the two files that the Pi itself reads: ``cmdline.txt`` and ``config.txt``.

``resize`` goes from the command line: it would give the whole card to the system before anything
of ours runs, and no room would be left for the data. The country of the radio comes to it.
``config.txt`` switches the watchdog of the hardware on.

In: the text as it is. Out: the text as it should be; done twice, it is the same. Pure.
"""

from typing import Final

_COUNTRY: Final = "cfg80211.ieee80211_regdom="
_BEGIN: Final = "# edge-agent: begin"
_END: Final = "# edge-agent: end"
_OURS: Final = f"""{_BEGIN}
[all]
dtparam=watchdog=on
{_END}
"""


def cmdline(text: str, country: str | None) -> str:
    """Return the kernel's command line, which is one line."""
    words = [
        each
        for each in text.split()
        if each != "resize" and not (country and each.startswith(_COUNTRY))
    ]
    return " ".join(words + ([f"{_COUNTRY}{country}"] if country else [])) + "\n"


def config(text: str) -> str:
    """Return the firmware's settings, with our part once, at the end."""
    before, begin, rest = text.partition(f"{_BEGIN}\n")
    after = rest.partition(f"{_END}\n")[2] if begin else ""
    kept = before + after
    return kept + ("" if not kept or kept.endswith("\n") else "\n") + _OURS
