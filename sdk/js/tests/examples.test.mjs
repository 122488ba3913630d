// The examples in JavaScript, which are also what a new plugin begins as. (Node 20 cannot run the one in TypeScript.)

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Station, picture } from 'assay/testing';

test('preprocessor', async () => {
  const station = new Station({ settings: { width: 2, height: 2, filter: 'nearest' } });
  const { preprocess } = await import('../examples/preprocessor/src/plugin.js');
  const answer = station.preprocess(preprocess, picture(4, 4, 'gray8', new Uint8Array(16).fill(255)));
  const [, tensor] = answer.tensors[0];
  assert.deepEqual([...tensor.dimensions()], [1, 3, 2, 2]);
  assert.deepEqual([...new Float32Array(tensor.data().buffer)], Array(12).fill(1));
  assert.equal(answer.images[0][0], 'model-input');
});

test('monitor', async () => {
  const station = new Station({ settings: { window: 4, limit: 0.2 } });
  const { observe } = await import('../examples/monitor/src/plugin.js');
  const verdicts = ['pass', 'fail', 'pass', 'pass', 'pass', 'pass', 'pass', 'pass'];
  const found = verdicts.map((verdict) => station.observe(observe, { verdict }).reports[0]?.value);
  assert.deepEqual(found, [undefined, undefined, undefined, 0.25, undefined, undefined, undefined, 0]);
});
