import { defineConfig } from "tsup";
import base from "../../tsup.config.base.js";

/** `main` is the command, `index` its parts for programs. */
export default defineConfig({ ...base, entry: ["src/{index,main}.ts"] });
