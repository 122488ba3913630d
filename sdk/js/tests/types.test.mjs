// assay.d.ts says what assay.js has, no more and no less.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import * as assay from 'assay';

const types = readFileSync(new URL('../assay.d.ts', import.meta.url), 'utf8');
const declared = (kind) => [...types.matchAll(new RegExp(`^export declare ${kind} (\\w+)[^\\n]*?(?:\\{\\}|\\{\\n(.*?)^\\})?$`, 'gms'))];

test('every export is declared, and every declaration is exported', () => {
  const names = [...types.matchAll(/^export declare (?:class|function|namespace) (\w+)/gm)].map(([, name]) => name);
  assert.deepEqual(Object.keys(assay).sort(), names.sort());
});

test('namespaces have the declared functions', () => {
  const found = declared('namespace').map(([, name, body]) => [name, [...body.matchAll(/^ {2}function (\w+)/gm)].map(([, item]) => item)]);
  assert.deepEqual(found.map(([name]) => name).sort(), ['log', 'reference', 'settings', 'state']);
  for (const [name, items] of found) {
    assert.deepEqual(Object.keys(assay[name]).filter((key) => !['plain', 'isNumber'].includes(key)).sort(), items.sort(), name);
  }
});

test('classes have the declared members', () => {
  const fields = { Letterbox: ['width', 'height', 'pad', 'filter', 'input', 'spec'], Model: ['name'] };
  for (const [, name, body = ''] of declared('class')) {
    const has = (owner, item) => item in owner || (fields[name] ?? []).includes(item);
    for (const [, isStatic, item] of body.matchAll(/^ {2}(static )?(?:readonly )?(\w+)(?:<\w+>)?[(:]/gm)) {
      assert.ok(has(isStatic ? assay[name] : assay[name].prototype, item), `${name}.${item}`);
    }
    const own = (owner) => Object.getOwnPropertyNames(owner).filter((item) => !/^(_|constructor|name|length|prototype)/.test(item));
    for (const item of [...own(assay[name].prototype), ...own(assay[name])]) {
      assert.match(body, new RegExp(`\\b${item}\\b`), `${name}.${item} is not declared`);
    }
  }
});
