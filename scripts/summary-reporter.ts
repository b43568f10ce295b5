import type { Reporter, TestCase, TestModule } from "vitest/node";

type Print = (line: string) => void;

const printLine: Print = (line) => {
  process.stdout.write(`${line}\n`);
};

/**
 * Ends a test run with one line that a script can read: `12 passed, 0 failed, 1 skipped`.
 * A file that cannot be loaded and an error outside any test count as failures; each skip is named with its reason.
 */
export function summaryReporter(print: Print = printLine): Reporter {
  return {
    onTestRunEnd(modules, unhandledErrors) {
      const tests = modules.flatMap((module) => [...module.children.allTests()]);
      const count = (state: "passed" | "failed" | "skipped") =>
        tests.filter((test) => test.result().state === state).length;
      const skipped = tests.filter((test) => test.result().state === "skipped");
      for (const test of skipped)
        print(`skipped: ${test.module.relativeModuleId} > ${test.fullName}${reason(test)}`);

      const failed = count("failed") + modules.filter(brokenOutsideTests).length + unhandledErrors.length;
      print(
        `${count("passed")} passed, ${failed} failed${skipped.length > 0 ? `, ${skipped.length} skipped` : ""}`,
      );
    },
  };
}

function reason(test: TestCase): string {
  const result = test.result();
  return result.state === "skipped" && result.note ? `: ${result.note}` : "";
}

/** A module, or a suite in it, whose own code threw: its tests never got to fail. */
function brokenOutsideTests(module: TestModule): boolean {
  return (
    module.errors().length > 0 || [...module.children.allSuites()].some((suite) => suite.errors().length > 0)
  );
}
