// Puts what the page takes from npm into the package: `npm ci && npm run build [folder]`.
import { copyFile, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const out = process.argv[2] ?? here("../src/sisock_http/page");

const { version } = JSON.parse(await readFile(here("node_modules/uplot/package.json"), "utf8"));
await build({
  entryPoints: [here("node_modules/uplot/dist/uPlot.esm.js")],
  outfile: `${out}/uplot.js`,
  format: "esm",
  minify: true,
  target: "es2020",
  banner: { js: `/*! uPlot ${version}, MIT licence: uplot.LICENSE */` },
});
await copyFile(here("node_modules/uplot/dist/uPlot.min.css"), `${out}/uplot.css`);
await copyFile(here("node_modules/uplot/LICENSE"), `${out}/uplot.LICENSE`);
