import { ConfigError, definePlugin, type Plugin, referenceBackend } from "@alignkit/core";

const precisions = ["float32", "float64"] as const;

/** The reference backend of the core as a plugin: slow, and the specification of every operation. */
export const reference = (): Plugin =>
  definePlugin({
    name: "reference",
    backends: [
      {
        name: "reference",
        description: "Plain JavaScript: slow, and what every other backend is compared with",
        async create({ precision = "float32", ...unknown }) {
          const known = precisions.find((one) => one === precision);
          if (known === undefined || Object.keys(unknown).length > 0) {
            throw new ConfigError(
              `reference backend: its only option is precision=${precisions.join("|")}; given: ${JSON.stringify({ precision, ...unknown })}`,
            );
          }
          return referenceBackend({ precision: known });
        },
      },
    ],
  });
