# SPDX-License-Identifier: MIT
"""The quarter hours of a day, as the script draws them."""

from typing import Final

from cloud_ingest.core.role import Role
from tests.web.place import Place

DRAW: Final = """
told => new Promise(done => {
  const figure = document.createElement("figure"), own = document.createElement("script");
  figure.className = "curve";
  figure.dataset.curve = JSON.stringify(told);
  document.querySelector("main").append(figure);
  own.src = document.querySelector('script[src*="curve.js"]').src;
  own.onload = done;
  document.body.append(own);
})
"""
IS_DRAWN: Final = """
() => {
  const drawn = document.querySelector(".uplot canvas"), plot = document.querySelector(".u-over");
  const [whole, inside] = [drawn, plot].map(each => each.getBoundingClientRect());
  const scale = drawn.width / whole.width, pen = drawn.getContext("2d");
  const row = pen.getImageData(
    0, (inside.top - whole.top + .75 * inside.height) * scale, drawn.width, 1).data;
  const at = number => inside.left - whole.left + (number + .5) * inside.width / 96;
  return [...Array(96).keys()].map(number => row[4 * Math.round(at(number) * scale) + 3] > 0);
}
"""


def test_each_quarter_hour_that_is_known_is_drawn_and_no_other(place: Place) -> None:
    known = [not 39 <= number < 44 or number == 41 for number in range(96)]
    start = 1_790_000_000
    told = {"zone": "Asia/Kolkata", "unit": "kWh", "names": ["grid"], "end": start + 96 * 900}
    times = [start + 900 * number for number in range(96)]
    with place.tab(Role.RESIDENT, viewport={"width": 1100, "height": 900}) as tab:
        tab.open("/unit/curve?day=2026-10-07")
        tab.page.evaluate(DRAW, told | {"data": [times, [1 if each else None for each in known]]})
        tab.page.wait_for_function("document.querySelector('.uplot canvas')")
        tab.page.wait_for_timeout(100)
        assert tab.page.evaluate(IS_DRAWN) == known
        assert (tab.violations(), tab.troubles) == ([], [])
