import { arch, cpus, platform, release, totalmem } from "node:os";

/** Where a run took place, as far as its numbers may depend on it. */
export interface Environment {
  readonly node: string;
  readonly platform: string;
  readonly cpu: string;
  readonly cores: number;
  /** Bytes of main memory. */
  readonly memory: number;
  readonly backend: string;
  /** Versions by package name. */
  readonly packages: Readonly<Record<string, string>>;
  /** Commit of the code, where the caller knows it. */
  readonly commit?: string;
}

/** The machine and the versions that a run is made with. */
export function describeEnvironment(options: {
  readonly backend: string;
  readonly packages?: Readonly<Record<string, string>> | undefined;
  readonly commit?: string | undefined;
}): Environment {
  const processors = cpus();
  return {
    node: process.version,
    platform: `${platform()} ${release()} ${arch()}`,
    cpu: processors[0]?.model.trim() ?? "unknown",
    cores: processors.length,
    memory: totalmem(),
    backend: options.backend,
    packages: options.packages ?? {},
    ...(options.commit === undefined ? {} : { commit: options.commit }),
  };
}

/** The most memory that this process has held at once, bytes. */
export const peakResidentBytes = (): number => process.resourceUsage().maxRSS * 1024;
