import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { stageCharts } from "./charts.js";
import { viewResults } from "./results.js";
import { sampleTables } from "./samples.js";
import { writeReport } from "./write-report.js";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "alignkit-report-"));
});
afterEach(() => rm(directory, { recursive: true }));

it("draws held-out values beside those of training, and the main metrics first", () => {
  const charts = stageCharts([
    { stage: "sft", step: 1, grad_norm: 2, loss: 3 },
    { stage: "sft", step: 2, grad_norm: 1, loss: 2.00000049, eval_loss: 2.5 },
    { stage: "ppo", step: 1, "objective/kl": null, "ppo/policy/ratio": 1 },
  ]);
  expect(charts).toEqual([
    {
      stage: "sft",
      step: 2,
      main: [
        {
          title: "loss",
          x: [1, 2],
          series: [
            { name: "loss", y: [3, 2] },
            { name: "eval_loss", y: [null, 2.5] },
          ],
        },
        { title: "grad_norm", x: [1, 2], series: [{ name: "grad_norm", y: [2, 1] }] },
      ],
      other: [],
    },
    {
      stage: "ppo",
      step: 1,
      main: [{ title: "objective/kl", x: [1], series: [{ name: "objective/kl", y: [null] }] }],
      other: [{ title: "ppo/policy/ratio", x: [1], series: [{ name: "ppo/policy/ratio", y: [1] }] }],
    },
  ]);
});

it("keeps at most 1500 points of a curve, and every held-out one", () => {
  const lines = Array.from({ length: 4000 }, (_, index) => ({
    stage: "sft",
    step: index + 1,
    loss: 1,
    ...(index === 3998 ? { eval_loss: 7 } : {}),
  }));
  const [chart] = stageCharts(lines)[0]?.main ?? [];
  // Every third of 4000 is 1334, and the held-out line.
  expect(chart?.x).toHaveLength(1335);
  expect(chart?.series[1]?.y.filter((value) => value !== null)).toEqual([7]);
});

it("shows answers of the first and the last step; the same prompt in one line", () => {
  const rows = [
    { step: 1, prompt: "a", response: "x", score: 0.5 },
    { step: 2, prompt: "a", response: "y", score: 1.5 },
    { step: 3, prompt: "a", response: "z", score: 2.25 },
  ];
  expect(sampleTables(rows)).toEqual([
    {
      title: "Step 1 and step 3",
      columns: ["Prompt", "Response, step 1", "Score, step 1", "Response, step 3", "Score, step 3"],
      rows: [["a", "x", "0.500", "z", "2.250"]],
      isText: true,
    },
  ]);
  const others = rows.map((row) => ({ ...row, prompt: `${row.prompt}${row.step}` }));
  expect(sampleTables(others).map(({ title, rows }) => [title, rows])).toEqual([
    ["Step 1", [["a1", "x", "0.500"]]],
    ["Step 3", [["a3", "z", "2.250"]]],
  ]);
});

it("makes tables of whatever was measured", () => {
  const view = viewResults({
    note: "simulated",
    prompts: 400,
    policies: {
      base: { winRate: { mean: 0.1, low: 0.05, high: 0.15, count: 9 }, byUse: { chat: 1 } },
      sft: { winRate: { mean: 0.5, low: 0.4, high: 0.6, count: 9 }, byUse: { chat: 2 } },
    },
    reward_model: { accuracy: 0.71 },
    samples: [{ prompt: "who?", answers: { base: "x", sft: "y" }, scores: { base: 0.25, sft: 1 } }],
  });
  expect(view).toEqual({
    notes: ["simulated", "Prompts: 400"],
    tables: [
      {
        title: "Policies",
        columns: ["", "base", "sft"],
        rows: [
          ["Win rate", "0.100 [0.050, 0.150]", "0.500 [0.400, 0.600]"],
          ["By use: Chat", "1", "2"],
        ],
      },
      { title: "Reward model", columns: ["", "value"], rows: [["Accuracy", "0.710"]] },
      {
        title: "Samples",
        columns: ["Prompt", "base", "sft"],
        rows: [["who?", "x\nScores: 0.250", "y\nScores: 1"]],
        isText: true,
      },
    ],
  });
});

it("writes one page that loads nothing and escapes what it shows, even of a run that was cut off", async () => {
  const hostile = "</script><script>alert(1)</script>";
  await mkdir(join(directory, "stages", "ppo"), { recursive: true });
  const line = { stage: "ppo", step: 1, [hostile]: 1 };
  await writeFile(join(directory, "metrics.jsonl"), `${JSON.stringify(line)}\n{"stage":"ppo","st`);
  await writeFile(
    join(directory, "stages", "ppo", "samples.jsonl"),
    `${JSON.stringify({ prompt: hostile, response: "<b>" })}\n`,
  );
  const page = await readFile(await writeReport(directory), "utf8");
  expect(page).not.toContain("<script>alert");
  expect(page).toContain("&lt;/script&gt;&lt;script&gt;alert(1)");
  expect(page).toContain("<td>&lt;b&gt;</td>");
  expect(page).not.toMatch(/(src|href)=|@import|url\(/);
  const data = /<script type="application\/json" id="charts">(.*?)<\/script>/s.exec(page)?.[1] ?? "";
  expect(JSON.parse(data)).toEqual([{ title: hostile, x: [1], series: [{ name: hostile, y: [1] }] }]);
});

it("says so when there is nothing yet", async () => {
  expect(await readFile(await writeReport(directory), "utf8")).toContain("No metrics yet.");
});
