// Put each view's JavaScript and what it imports into one module in bundles/: in a notebook a module can't import a file beside it.
// `npm run build` writes what has changed; with `--check` it only names that, and fails.
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const widgets = dirname(fileURLToPath(import.meta.url));
const bundles = join(widgets, "bundles");
const read = (path) => (existsSync(path) ? readFileSync(path, "utf8") : "");
const isView = (path) => path.endsWith(".js") && dirname(path) !== "bundles" && read(join(widgets, path)).includes("export default");

mkdirSync(bundles, { recursive: true });
const { outputFiles } = await build({
  entryPoints: readdirSync(widgets, { recursive: true, encoding: "utf8" }).filter(isView).map((path) => ({ in: join(widgets, path), out: basename(path, ".js") })),
  outdir: bundles,
  bundle: true,
  format: "esm",
  target: "es2022",
  minify: true,
  charset: "utf8",
  write: false,
});
const current = new Set(outputFiles.map(({ path }) => basename(path)));
const gone = readdirSync(bundles).filter((name) => !current.has(name)).map((name) => join(bundles, name));
const changed = outputFiles.filter(({ path, text }) => read(path) !== text);
if (process.argv.includes("--check")) {
  for (const path of [...gone, ...changed.map((file) => file.path)]) console.error(`${path} is not what the sources give: npm run build`);
  process.exitCode = gone.length + changed.length ? 1 : 0;
} else {
  gone.forEach((path) => { rmSync(path); });
  changed.forEach(({ path, text }) => { writeFileSync(path, text); });
}
