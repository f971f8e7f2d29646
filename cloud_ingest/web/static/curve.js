/* SPDX-License-Identifier: MIT */
/* Draws the quarter hours that a page brings; the table below says the same without a script. */
"use strict";
for (const figure of document.querySelectorAll("[data-curve]")) {
  const told = JSON.parse(figure.dataset.curve);
  const style = getComputedStyle(document.documentElement);
  const ink = style.getPropertyValue("--soft"), line = style.getPropertyValue("--line");
  const colours = [style.getPropertyValue("--accent"), style.getPropertyValue("--warn"), style.getPropertyValue("--lighter")];
  const axis = { stroke: ink, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 } };
  const clock = new Intl.DateTimeFormat(document.documentElement.lang, { timeZone: told.zone, hour: "2-digit", minute: "2-digit", hour12: false });
  const time = (seconds) => clock.format(new Date(seconds * 1000));
  const options = () => ({
    width: figure.clientWidth, height: 260, tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), told.zone),
    cursor: { drag: { x: false } },
    scales: { x: { range: [told.data[0][0], told.end] }, y: { range: (_, least, most) => [Math.min(0, least), most * 1.08 || 1] } },
    axes: [{ ...axis, values: (_, ticks) => ticks.map(time) }, { ...axis, label: told.unit, labelSize: 20, size: 60 }],
    series: [{ value: (_, at) => (at === null ? "–" : time(at)) }, ...told.names.map((name, number) => ({
      label: name, stroke: colours[number % 3], fill: told.names.length === 1 ? colours[0] : undefined, width: 1,
      paths: uPlot.paths.bars({ align: 1, size: [1, Infinity] }), points: { show: false },
    }))],
  });
  const plot = new uPlot(options(), told.data, figure);
  addEventListener("resize", () => plot.setSize({ width: figure.clientWidth, height: 260 }));
}
