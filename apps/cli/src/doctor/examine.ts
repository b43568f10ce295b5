/** `alignkit doctor`: machine, backend, conformance, speed. */
import { freemem } from "node:os";
import { AlignkitError, type Backend, describeEnvironment } from "@alignkit/core";
import { checkContract, conformanceCases, contractNames, runConformance } from "@alignkit/core/conformance";
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
    stdout.write(formatTable([["backend", `${backend.name} (${factory.description})`]]));
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

/** @returns what is wrong, a line each */
async function checkBackend({ terminal, screen }: Session, backend: Backend): Promise<readonly string[]> {
  const now = () => performance.now();
  const start = now();
  const progress = createTerminalProgress(screen, now);
  const task = progress.start(conformanceCases.length + contractNames.length, "checks", "conformance");
  const failures: string[] = [];
  const results = await runConformance(backend, {
    onResult({ name, status, message }) {
      if (status === "failed") failures.push(`- ${name}: ${message}`);
      task.advance(1);
    },
  });
  for (const name of contractNames) {
    const message = await checkContract(backend, name);
    if (message !== undefined) failures.push(`- ${name}: ${message}`);
    task.advance(1);
  }
  task.done();
  const passed = results.length + contractNames.length - failures.length;
  terminal.stdout.write(
    `conformance  ${passed} passed, ${failures.length} failed in ${formatDuration((now() - start) / 1000)}\n`,
  );
  return failures;
}
