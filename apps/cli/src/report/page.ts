/** The report as one page that needs nothing else. */
import { stringify } from "yaml";
import type { Chart, StageCharts } from "./charts.js";
import { client } from "./client.js";
import { embeddedJson, type Html, html } from "./html.js";
import type { RunContents } from "./read-run.js";
import { format, type ResultsView, type Table } from "./results.js";
import { style } from "./style.js";

export interface ReportContents {
  readonly name: string;
  readonly run: RunContents;
  readonly stages: readonly StageCharts[];
  readonly samples: ReadonlyMap<string, readonly Table[]>;
  readonly results: ResultsView | undefined;
  /** Of uPlot. */
  readonly library: { readonly script: string; readonly style: string };
}

export function renderPage({ name, run, stages, samples, results, library }: ReportContents): string {
  const charts: Chart[] = [];
  const figure = (chart: Chart) => renderFigure(chart, charts.push(chart) - 1);
  const sections = stages.map((stage) => renderStage(stage, run, figure, samples.get(stage.stage) ?? []));
  const shown = new Set(stages.map(({ stage }) => stage));
  const rest = [...samples].filter(([stage]) => !shown.has(stage));
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${name} · alignkit</title>
<style>${{ html: library.style }}${{ html: style }}</style>
</head>
<body>
<main>
<h1>${name}</h1>
${renderFacts(run, stages)}
${results === undefined ? "" : html`<h2>Results</h2>${results.notes.map((note) => html`<p>${note}</p>`)}${results.tables.map(renderTable)}`}
${sections}
${rest.map(([stage, tables]) => html`<h2>${stage}</h2>${tables.map(renderTable)}`)}
<h2>Config and environment</h2>
<details><summary>config.json: every setting, defaults filled in</summary><pre>${stringify(run.config ?? {}, { aliasDuplicateObjects: false })}</pre></details>
<details><summary>environment.json: where it ran</summary><pre>${stringify(run.environment ?? {})}</pre></details>
</main>
<script type="application/json" id="charts">${embeddedJson(charts)}</script>
<script>${{ html: library.script }}</script>
<script>${{ html: client }}</script>
</body>
</html>
`.html;
}

/** The run in one line. */
function renderFacts(
  { config, environment, finished, metrics }: RunContents,
  stages: readonly StageCharts[],
): Html {
  const planned = ((config?.stages ?? []) as readonly { readonly as: string }[]).map((stage) => stage.as);
  const left = planned.filter((stage) => !finished.includes(stage));
  const facts: readonly (readonly [string, unknown])[] = [
    ["seed", config?.seed],
    ["backend", environment?.backend],
    ["processor", environment === undefined ? undefined : `${environment.cpu}, ${environment.cores} cores`],
    ["node", environment?.node],
    ["lines of metrics", metrics.length],
  ];
  return html`
<p class="quiet">${planned.map((stage, index) => html`${index === 0 ? "" : " → "}<span class="${finished.includes(stage) ? "done" : ""}">${stage}</span>`)}
${left.length === 0 ? "" : html` (not finished: ${left.join(", ")})`}</p>
<ul class="facts">${facts.filter(([, value]) => value !== undefined).map(([key, value]) => html`<li><span class="quiet">${key}</span> <b>${value}</b></li>`)}</ul>
${stages.length === 0 ? html`<p class="quiet">No metrics yet.</p>` : ""}`;
}

function renderStage(
  { stage, step, main, other }: StageCharts,
  { finished }: RunContents,
  figure: (chart: Chart) => Html,
  samples: readonly Table[],
): Html {
  return html`
<h2>${stage} <span class="quiet">step ${step}${finished.includes(stage) ? "" : ", not finished"}</span></h2>
<div class="charts">${main.map(figure)}</div>
${other.length === 0 ? "" : html`<details><summary>${other.length} more</summary><div class="charts">${other.map(figure)}</div></details>`}
${samples.length === 0 ? "" : html`<h3>Samples</h3>${samples.map(renderTable)}`}`;
}

const strokes = ["--first", "--second"];

function renderFigure({ title, series }: Chart, index: number): Html {
  const last = series
    .map(({ y }) => y.findLast((value) => value !== null))
    .filter((value) => value !== undefined);
  const keys = series.map(
    ({ name }, place) => html`<span><i style="background: var(${strokes[place % 2]})"></i>${name}</span>`,
  );
  return html`<figure data-chart="${index}"><figcaption>${title}<span>${last.map(format).join(" | ")}</span></figcaption><div class="plot"></div><div class="keys">${series.length > 1 ? keys : ""}</div></figure>`;
}

function renderTable({ title, columns, rows, isText }: Table): Html {
  return html`<h3>${title}</h3>
<div class="scroll"><table class="${isText === true ? "texts" : "numbers"}">
<thead><tr>${columns.map((column) => html`<th>${column}</th>`)}</tr></thead>
<tbody>${rows.map((row) => html`<tr>${row.map((cell) => html`<td>${cell}</td>`)}</tr>`)}</tbody>
</table></div>`;
}
