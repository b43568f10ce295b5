import base from "../../tsup.config.base.js";

export default { ...base, entry: ["src/index.ts", "src/conformance/index.ts", "src/conformance/vitest.ts"] };
