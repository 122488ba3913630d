// Builds one JavaScript or TypeScript plugin to a component.
//
//   node sdk/js/build.mjs --world detector --source src/plugin.ts --wit ../../wit --out build/NAME.wasm --modules FOLDER
//
// --modules names the folder that holds node_modules with the packages of package.json (default: this folder). The
// component imports the interfaces that the plugin uses, and no WASI.

import { cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const SDK = dirname(fileURLToPath(import.meta.url));
const COMPONENTIZE = '@bytecodealliance/componentize-js/src/componentize.js';
const ESBUILD = 'esbuild/lib/main.js';
const WORLDS = { preprocessor: 'preprocess', detector: 'detect', monitor: 'observe' };
// Imports that a component has only where its plugin uses them: what the bundle imports -> lines of the world.
const OPTIONAL = {
  'assay:plugin/log': ['import log;'],
  'assay:plugin/config': ['import config;'],
  'assay:plugin/state': ['import state;'],
  'wasi:nn/graph': ['import wasi:nn/graph@', 'import wasi:nn/inference@', 'import wasi:nn/errors@'],
};
// All that a StarlingMonkey would ask of WASI.
const NO_WASI = ['stdio', 'random', 'clocks', 'http', 'fetch-event'];

async function main() {
  const options = readOptions();
  const scratch = await mkdtemp(join(tmpdir(), 'assay-js-'));
  try {
    const bundled = join(scratch, 'plugin.js');
    const used = await bundle(options, bundled);
    const wit = join(scratch, 'wit');
    await copyWit(options, wit, used);
    const { componentize } = await load(options.modules, COMPONENTIZE);
    const settings = { sourcePath: bundled, witPath: wit, worldName: options.world, disableFeatures: NO_WASI };
    const { component } = await componentize(settings);
    await mkdir(dirname(resolve(options.out)), { recursive: true });
    await writeFile(options.out, component);
    console.log(`${options.out} (${Math.floor(component.length / 1024)} KiB, uses ${[...used].sort().join(', ')})`);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

function readOptions() {
  const text = { type: 'string' };
  const { values } = parseArgs({ options: { world: text, source: text, wit: text, out: text, modules: text } });
  for (const name of ['world', 'source', 'wit', 'out']) {
    if (!values[name]) fail(`--${name} is missing: --world WORLD --source FILE --wit FOLDER --out FILE [--modules FOLDER]`);
  }
  if (!(values.world in WORLDS)) fail(`--world ${values.world}: expected ${Object.keys(WORLDS).join(', ')}`);
  return { ...values, modules: resolve(values.modules ?? SDK) };
}

// From the author's folder of packages, wherever that is.
async function load(modules, file) {
  try {
    return await import(pathToFileURL(join(modules, 'node_modules', file)));
  } catch (error) {
    return fail(`${file} cannot be loaded from ${modules} (${error.code ?? error.message}): run \`npm ci\` with the package.json of ${SDK}`);
  }
}

// The plugin with the SDK as one file; gives the interfaces that it imports.
async function bundle(options, outfile) {
  const { build } = await load(options.modules, ESBUILD);
  const used = new Set();
  const result = await build({
    entryPoints: [resolve(options.source)],
    outfile,
    bundle: true,
    format: 'esm',
    target: 'es2022',
    treeShaking: true,
    keepNames: true,
    metafile: true,
    logLevel: 'silent',
    inject: [join(SDK, 'src/console.js')],
    alias: { assay: join(SDK, 'assay.js') },
    plugins: [interfaces],
  }).catch((error) => fail((error.errors ?? [error]).map(shown).join('\n')));
  for (const { imports, exports } of Object.values(result.metafile.outputs)) {
    imports.forEach(({ path }) => used.add(path.split('@')[0]));
    const wanted = WORLDS[options.world];
    if (!exports.includes(wanted)) fail(`${options.source}: no \`export const ${wanted} = ${options.world}(...)\``);
  }
  return used;
}

// Interfaces are imported by the component; one that is not used is left out.
const interfaces = {
  name: 'interfaces',
  setup(build) {
    build.onResolve({ filter: /^(assay:plugin|wasi:nn)\// }, ({ path }) => ({ path, external: true, sideEffects: false }));
  },
};

// The WIT with a world that imports only what is used.
async function copyWit(options, copy, used) {
  await cp(options.wit, copy, { recursive: true });
  const unused = Object.entries(OPTIONAL).flatMap(([name, lines]) => (used.has(name) ? [] : lines));
  for (const name of await readdir(copy)) {
    if (!name.endsWith('.wit')) continue;
    const world = new RegExp(`(world ${options.world} \\{)([^}]*)(\\})`);
    const kept = (lines) => lines.split('\n').filter((line) => !unused.some((start) => line.trim().startsWith(start)));
    const file = join(copy, name);
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.replace(world, (_, head, lines, foot) => head + kept(lines).join('\n') + foot));
  }
}

function shown(error) {
  const place = error.location ? `${error.location.file}:${error.location.line}:${error.location.column}: ` : '';
  return `${place}${error.text ?? error.message}`;
}

function fail(message) {
  console.error(message);
  process.exit(1);
}

await main();
