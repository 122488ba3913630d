// How Node finds the modules that only a component has.

import { NAMES } from './names.js';

const FAKE = /^(?:assay:plugin|wasi:nn)\/([a-z-]+)@/;

export function resolve(specifier, context, next) {
  if (specifier === 'assay') return { url: new URL('../assay.js', import.meta.url).href, shortCircuit: true };
  if (specifier === 'assay/testing') return { url: new URL('./host.js', import.meta.url).href, shortCircuit: true };
  if (FAKE.test(specifier)) return { url: specifier, shortCircuit: true };
  return next(specifier, context);
}

export function load(url, context, next) {
  const name = FAKE.exec(url)?.[1];
  if (name === undefined) return next(url, context);
  const lines = NAMES[name].map((item) =>
    /^[A-Z]/.test(item)
      ? `export const ${item} = words.${name}.${item};`
      : `const f_${item} = (...given) => words.${name}.${item}(...given); export { f_${item} as ${item} };`,
  );
  const source = `import { words } from ${JSON.stringify(new URL('./host.js', import.meta.url).href)};\n${lines.join('\n')}`;
  return { format: 'module', source, shortCircuit: true };
}
