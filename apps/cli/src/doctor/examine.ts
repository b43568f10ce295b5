/** `alignkit doctor`: machine, backend, conformance, speed. */
import { freemem } from "node:os";
import { AlignkitError, type Backend, describeEnvironment } from "@alignkit/core";
import { type ConformanceResult, conformanceChecks, runConformance } from "@alignkit/core/conformance";
import type { DoctorFlags } from "../commands/doctor.js";
import { defaultBackend, parseBackend } from "../options/backend-option.js";
import { loadRegistry } from "../plugins.js";
import type { Session } from "../session.js";
import { formatBytes, formatDuration, formatRate, formatTable } from "../terminal/format.js";
import { createTerminalProgress } from "../terminal/progress.js";
import { packageVersions } from "../version.js";
import { measureMatMul } from "./throughput.js";

/** @throws {AlignkitError} with code `DOCTOR_FAILED` when a check fails */
export async function examine(session: Session, flags: DoctorFlags): Promise<void> {
  const { stdout, workingDirectory } = session.terminal;
  const choice = flags.backend === undefined ? defaultBackend : parseBackend(flags.backend);
  const registry = await loadRegistry(
    (flags.plugin ?? []).map((use) => ({ use })),
    workingDirectory,
  );
  const factory = registry.backend(choice.name);

  // 1. The machine
  const { node, platform, cpu, cores, memory } = describeEnvironment({ backend: choice.name });
  stdout.write(
    formatTable([
      ["node", node],
      ["system", platform],
      ["processor", `${cpu}, ${cores} cores`],
      ["memory", `${formatBytes(memory)}, ${formatBytes(freemem())} free`],
      ...Object.entries(packageVersions()).map(([name, version]) => [name, version]),
    ]),
  );

  // 2. The backend; making it checks its library
  const backend = await factory.create(choice.options);
  try {
    stdout.write(formatTable(describeBackend(backend, factory.description)));
    // 3. Whether it does what the reference does
    const failures = await checkBackend(session, backend);
    // 4. How fast it is
    const { size, gigaflops } = await measureMatMul(backend);
    stdout.write(`matMul       ${size} x ${size} x ${size}: ${formatRate(gigaflops)} GFLOP/s\n`);
    if (failures.length > 0) {
      throw new AlignkitError(
        "DOCTOR_FAILED",
        `backend ${backend.name} differs from the reference; do not train on it\n${failures.join("\n")}`,
        { details: { failures } },
      );
    }
  } finally {
    await backend.dispose();
  }
}

function describeBackend(backend: Backend, description: string): readonly (readonly string[])[] {
  const { runtime, supports } = backend;
  const whole = [...supports].sort().join(", ");
  return [
    ["backend", `${backend.name} (${description})`],
    ["engine", runtime === undefined ? "does not say" : `${runtime.name} ${runtime.version}`],
    ["device", runtime?.device ?? "does not say"],
    ["threads", String(runtime?.threads ?? "does not say")],
    ["taken whole", whole === "" ? "nothing; composites are decomposed" : whole],
  ];
}

/** @returns what is wrong, a line each */
async function checkBackend({ terminal, screen }: Session, backend: Backend): Promise<readonly string[]> {
  const now = () => performance.now();
  const start = now();
  const progress = createTerminalProgress(screen, now);
  const task = progress.start(conformanceChecks().length, "checks", "conformance");
  const results = await runConformance(backend, { onResult: () => task.advance(1) });
  task.done();
  const having = (...wanted: readonly ConformanceResult["status"][]) =>
    results.filter(({ status }) => wanted.includes(status));
  const failed = having("failed", "unexpected-pass");
  const expected = having("expected-failure");
  const counts = [
    `${having("passed").length} passed`,
    `${failed.length} failed`,
    ...(expected.length > 0 ? [`${expected.length} as expected`] : []),
  ];
  terminal.stdout.write(
    `conformance  ${counts.join(", ")} in ${formatDuration((now() - start) / 1000)}\n` +
      expected
        .map(({ name }) => `expected     ${name} fails: ${backend.expectedFailures?.[name]}\n`)
        .join(""),
  );
  return failed.map(
    ({ name, message = "passes, though the backend says that it fails" }) => `- ${name}: ${message}`,
  );
}
