/**
 * The arrows of ARCHITECTURE.md: each layer imports only what stands below it.
 *
 *     apps -> stages -> models, data, tokenizer -> core
 *     apps, backends, world, hub ---------------> core
 */
const stage = "sft|reward|ppo|dpo|grpo|eval";

/** A layer, and what it may import of ours besides itself. */
const layers = [
  { name: "core", from: "^packages/core/", mayImport: [] },
  { name: "tokenizer", from: "^packages/tokenizer/", mayImport: [] },
  { name: "world", from: "^packages/world/", mayImport: ["^packages/core/"] },
  { name: "data", from: "^packages/data/", mayImport: ["^packages/core/"] },
  { name: "hub", from: "^packages/hub/", mayImport: ["^packages/core/"] },
  { name: "models", from: "^packages/models/", mayImport: ["^packages/core/"] },
  {
    name: "backends",
    from: "^packages/backends/([^/]+)/",
    // The second one builds, it is not published.
    mayImport: ["^packages/core/", "^scripts/compile-assembly[.]mjs$"],
    own: "^packages/backends/$1/",
  },
  {
    name: "stages",
    from: `^packages/(${stage})/`,
    mayImport: ["^packages/(?:core|tokenizer|data|models)/"],
    own: "^packages/$1/",
  },
  // As anybody's package.
  { name: "custom-backend", from: "^examples/custom-backend/", mayImport: ["^packages/core/"] },
];

/** Tests and what only tests read may use more: a stage's test runs on a real backend. */
const test = "[.]test(-d)?[.]ts$|/fixtures/|/testing/";

export default {
  forbidden: [
    ...layers.map(({ name, from, mayImport, own = from }) => ({
      name: `${name}-points-down`,
      comment: `${name} may import itself${mayImport.length > 0 ? ` and ${mayImport.join(", ")}` : ""}, nothing else of ours`,
      severity: "error",
      from: { path: from, pathNot: test },
      to: { path: "^(?:packages|apps|examples|bench|test|scripts)/", pathNot: [own, ...mayImport] },
    })),
    {
      name: "apps-are-the-top",
      comment: "no package imports an app, an example, a bench or a test",
      severity: "error",
      from: { path: "^packages/" },
      to: { path: "^(?:apps|examples|bench|test)/" },
    },
    {
      name: "few-files-call-native-code",
      comment:
        "ONNX Runtime is touched in ort-api.ts alone; system-memory.ts and mapped-files.ts ask the system for memory",
      severity: "error",
      from: {
        pathNot: "^packages/backends/onnx/src/(?:ort-api|system-memory|mapped-files)[.](?:test[.])?ts$",
      },
      to: { path: "(?:^|/)node_modules/koffi/" },
    },
    {
      name: "no-cycles",
      comment:
        "a cycle means that two files are one idea, or that a third is missing; types may name each other",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    {
      name: "resolvable",
      comment: "an import that cannot be found, or that no package.json declares",
      severity: "error",
      from: { pathNot: test },
      to: { couldNotResolve: true },
    },
    {
      name: "declared",
      comment: "a package declares what it imports, and runs on none of its development dependencies",
      severity: "error",
      from: { path: "^(?:packages|apps)/.*/src/", pathNot: test },
      to: {
        // Built into the package.
        pathNot: "(?:^|/)node_modules/pure-rand/",
        dependencyTypes: ["npm-no-pkg", "npm-unknown", "npm-dev"],
        dependencyTypesNot: ["type-only", "npm-peer"],
      },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^(?:packages|apps)/.*/dist/" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["@alignkit/source", "import", "types", "node", "default"],
    },
  },
};
