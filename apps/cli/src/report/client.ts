/** Runs in the page: draws each figure from the embedded data, in the colors of the page. */
export const client = `
const charts = JSON.parse(document.getElementById("charts").textContent);
const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const number = (value) => value == null ? "" : Math.abs(value) >= 1e5 || (value !== 0 && Math.abs(value) < 1e-3)
  ? value.toExponential(2) : String(Number(value.toPrecision(4)));
const smooth = (values) => {
  const weight = 1 - 1 / Math.max(1, values.length / 40);
  let mean = null, norm = 0;
  return values.map((value) => {
    if (value == null) return null;
    mean = (mean ?? 0) * weight + value * (1 - weight);
    norm = norm * weight + (1 - weight);
    return norm === 0 ? value : mean / norm;
  });
};
function draw(figure) {
  const { x, series } = charts[figure.dataset.chart];
  const plot = figure.querySelector(".plot");
  const strokes = [color("--first"), color("--second")];
  const data = [x], drawn = [{}];
  series.forEach(({ name, y }, index) => {
    const known = y.filter((value) => value != null).length;
    const isNoisy = known > 120;
    const stroke = strokes[index % 2];
    const base = { label: name, stroke, width: 1.75, spanGaps: true, points: { show: known < 40, size: 5 } };
    data.push(y);
    drawn.push(isNoisy ? { ...base, stroke: stroke + "55", width: 1 } : base);
    if (isNoisy) { data.push(smooth(y)); drawn.push({ ...base, points: { show: false } }); }
  });
  const axis = { stroke: color("--quiet"), grid: { stroke: color("--line"), width: 1 }, ticks: { show: false }, font: "11px system-ui, sans-serif" };
  const value = figure.querySelector("figcaption span");
  const last = value.textContent;
  plot.replaceChildren();
  const chart = new uPlot({
    width: plot.clientWidth, height: 190,
    scales: { x: { time: false } },
    axes: [{ ...axis, size: 28 }, { ...axis, size: 52, values: (_, ticks) => ticks.map(number) }],
    series: drawn, legend: { show: false }, cursor: { y: false, drag: { x: true, y: false } },
    hooks: { setCursor: [(self) => {
      const at = self.cursor.idx;
      value.textContent = at == null ? last : "step " + x[at] + ": " + series.map(({ y }) => number(y[at])).filter(Boolean).join(" | ");
    }] },
  }, data, plot);
  new ResizeObserver(() => chart.setSize({ width: plot.clientWidth, height: 190 })).observe(plot);
}
const drawAll = () => document.querySelectorAll("figure[data-chart]").forEach((figure) => {
  if (figure.closest("details:not([open])") === null) draw(figure);
});
document.querySelectorAll("details").forEach((details) => details.addEventListener("toggle", drawAll, { once: true }));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
drawAll();
`;
