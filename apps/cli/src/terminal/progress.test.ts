import { expect, it } from "vitest";
import { createTerminalProgress } from "./progress.js";
import { createScreen } from "./screen.js";

function setUp(isTTY: boolean) {
  let text = "";
  let time = 0;
  const screen = createScreen({
    write(piece: string) {
      text += piece;
    },
    isTTY,
    columns: 90,
  });
  return {
    screen,
    progress: createTerminalProgress(screen, () => time),
    wait: (milliseconds: number) => {
      time += milliseconds;
    },
    text: () => text,
  };
}

it("prints a plain line every ten seconds and one at the end, where there is no terminal", () => {
  const { progress, wait, text } = setUp(false);
  const task = progress.start(40, "steps", "sft");
  for (let step = 0; step < 24; step++) {
    wait(500);
    task.advance(1, `loss ${(4 - step / 10).toFixed(2)}`);
  }
  // 20 steps in 10 s: 2 a second, 20 left take 10 s.
  expect(text()).toBe("sft: 20/40 steps, 2 steps/s, 10 s left, loss 2.10\n");
  task.done();
  expect(text().split("\n")[1]).toBe("sft: 24/40 steps, 2 steps/s, loss 1.70");
});

it("draws one line anew on a terminal, with work within work, below lines that stay", () => {
  const { screen, progress, wait, text } = setUp(true);
  const outer = progress.start(4, "iterations", "ppo");
  wait(2000);
  outer.advance(1);
  const inner = progress.start(64, "rows", "rollout");
  wait(2000);
  inner.advance(16);
  const clear = "\r\u001b[2K";
  const last = () => text().slice(text().lastIndexOf(clear) + clear.length);
  expect(last()).toBe(
    "ppo █████░░░░░░░░░░░░░░░ 1/4 iterations, 0.5 iterations/s, 6 s left | rollout 16/64 rows",
  );
  screen.line("a message");
  expect(text()).toContain(`${clear}a message\nppo █████`);
  inner.done();
  outer.done();
  expect(text().endsWith(`${clear}ppo: 1/4 iterations, 0.5 iterations/s\n`)).toBe(true);
});

it("does not count work from before a resume towards the rate", () => {
  const { progress, wait, text } = setUp(false);
  const task = progress.start(100, "steps", "sft", 50);
  wait(10_000);
  task.advance(10);
  // 10 steps in 10 s; 40 are left.
  expect(text()).toBe("sft: 60/100 steps, 1 steps/s, 40 s left\n");
});
