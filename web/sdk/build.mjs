/** Builds what a browser loads. `--check` compares it with what is kept, `--test` and `--package` build for Node and for npm. */

import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { build } from "esbuild";

const { version } = JSON.parse(await readFile(new URL("package.json", import.meta.url), "utf8"));
const KEPT = new URL("../../src/oportuno/entry/http/assets/sdk/", import.meta.url);
const common = {
  absWorkingDir: new URL(".", import.meta.url).pathname,
  bundle: true,
  charset: "utf8",
  target: "es2020",
  define: { VERSION: JSON.stringify(version) },
  banner: { js: `/* Oportuno ${version}, Apache-2.0. Stores and sends nothing before the visitor says yes. */` },
  legalComments: "none",
  logLevel: "error",
};
const script = { entryPoints: ["src/browser/script.ts"], format: "iife" };
const banner = { entryPoints: ["src/banner/index.ts"], format: "esm" };
const snippet = { entryPoints: ["src/browser/snippet.js"], bundle: false, banner: {} };
const files = {
  "oportuno.js": script,
  "oportuno.min.js": { ...script, minify: true },
  "oportuno-banner.js": banner,
  "oportuno-banner.min.js": { ...banner, minify: true },
  "oportuno-snippet.js": { ...snippet, minify: true },
};

async function made(options) {
  const { outputFiles } = await build({ ...common, ...options, write: false });
  return outputFiles[0].text;
}

if (process.argv.includes("--test")) {
  const names = (await readdir(new URL("test/", import.meta.url))).filter((name) => name.endsWith(".test.ts"));
  await build({
    ...common,
    entryPoints: names.map((name) => `test/${name}`),
    outdir: "dist/test",
    outExtension: { ".js": ".mjs" },
    format: "esm",
    platform: "node",
    banner: {},
  });
} else if (process.argv.includes("--package")) {
  const modules = { format: "esm", outdir: "dist" };
  await build({ ...common, ...modules, entryPoints: { index: "src/browser/index.ts", banner: "src/banner/index.ts" } });
  await writeFile(new URL("dist/oportuno.min.js", import.meta.url), await made(files["oportuno.min.js"]));
} else {
  const check = process.argv.includes("--check");
  await mkdir(KEPT, { recursive: true });
  for (const [name, options] of Object.entries(files)) {
    const fresh = await made(options);
    const kept = await readFile(new URL(name, KEPT), "utf8").catch(() => "");
    if (fresh === kept) continue;
    if (check) {
      console.error(`${name} is not what its source makes: run make sdk`);
      process.exitCode = 1;
    } else await writeFile(new URL(name, KEPT), fresh);
  }
}
