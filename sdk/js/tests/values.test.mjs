// Settings, reference and tensors.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as assay from 'assay';
import { Station, picture } from 'assay/testing';

const { settings, reference } = assay;

test('settings arrive in their own type', () => {
  new Station({ settings: { a: 1, b: 2.5, c: true, d: 'x', e: [1, 2], f: ['y'], g: [], h: { k: [1] } }, labels: ['good'] });
  assert.equal(settings.integer('a'), 1);
  assert.equal(settings.number('a'), 1);
  assert.equal(settings.number('b'), 2.5);
  assert.equal(settings.flag('c'), true);
  assert.equal(settings.text('d'), 'x');
  assert.deepEqual(settings.numbers('e'), [1, 2]);
  assert.deepEqual(settings.numbers('b'), [2.5]);
  assert.deepEqual(settings.texts('f'), ['y']);
  assert.deepEqual([settings.numbers('g'), settings.texts('g')], [[], []]);
  assert.deepEqual(settings.json('h'), { k: [1] });
  assert.deepEqual(settings.get('h'), { k: [1] });
  assert.equal(settings.get('none'), undefined);
  assert.deepEqual(settings.labels(), ['good']);
  assert.equal(settings.flag('none', { default: false }), false);
});

test('a wrong setting says what was expected and what was found', () => {
  new Station({ settings: { a: 'x', b: 300, c: { number: 3 } } });
  const said = (work) => {
    try {
      work();
    } catch (error) {
      assert.ok(error instanceof assay.BadSetting);
      return error.message;
    }
    return assert.fail('accepted');
  };
  assert.equal(said(() => settings.number('a')), 'setting a: expected a number, found "x"');
  assert.equal(said(() => settings.number('b', { low: 0, high: 255 })), 'setting b: expected a number from 0 to 255, found 300');
  assert.equal(said(() => settings.number('none')), 'setting none: expected a number, found nothing');
  assert.equal(said(() => settings.integer('c', { high: 9 })), 'setting c: expected a whole number from 0 to 9, found 3');
  assert.equal(said(() => settings.text('a', { choices: ['y', 'z'] })), 'setting a: expected y or z, found "x"');
  assert.match(said(() => settings.texts('b')), /a list of texts/);
});

test('reference values are found by path', () => {
  new Station({ reference: { features: [{ name: 'f', mean: 1.5, bins: { edges: [1, 2] } }] } });
  assert.equal(reference.feature('f').number('mean'), 1.5);
  assert.deepEqual(reference.feature('f').numbers('bins/edges'), [1, 2]);
  assert.throws(() => reference.feature('f').number('sd'), /expected sd of f as a number/);
  assert.equal(reference.digest().length, 64);
  new Station();
  assert.throws(() => reference.feature('f').number('mean'), /a model bundle without one/);
});

test('tensors of every type become typed arrays', () => {
  const found = {};
  const plugin = assay.detector(class {
    detect() {
      const give = (type, data, shape = [1]) => assay.Tensor.fromBytes(shape, type, data).values();
      found.fp16 = give('fp16', Uint8Array.of(0x00, 0x3c, 0x01, 0x00, 0x00, 0xc0, 0x00, 0x7c), [4]);
      found.bf16 = give('bf16', Uint8Array.of(0x80, 0x3f));
      found.i64 = give('i64', new Uint8Array(BigInt64Array.of(-5n).buffer));
      found.u8 = assay.Tensor.fromUint8([2], [1, 255]).values();
      found.f32 = assay.Tensor.fromFloat32([2, 1], [0.5, -1]).rows().map((row) => [...row]);
      assert.throws(() => assay.Tensor.fromFloat32([3], [1, 2]), assay.UnsupportedInput);
      assert.throws(() => assay.Tensor.fromUint8([1], [1]).toFloat32(), /expected a tensor of fp32, found u8/);
      return {};
    }
  });
  new Station().detect(plugin, picture(1, 1, 'gray8', [0]));
  assert.deepEqual([...found.fp16], [1, 2 ** -24, -2, Infinity]);
  assert.deepEqual([...found.bf16], [1]);
  assert.deepEqual([...found.i64], [-5n]);
  assert.deepEqual([...found.u8], [1, 255]);
  assert.deepEqual(found.f32, [[0.5], [-1]]);
});

test('softmax and places are those of the Rust SDK', () => {
  assert.ok(Math.abs(assay.softmax([1, 2, 3])[2] - 0.6652409557748217) < 1e-12);
  assert.equal(assay.softmax([1000, 0])[0], 1);
  assert.equal(assay.softmax([NaN]), undefined);
  assert.equal(assay.l1Distance([1, 0], [0, 1]), 2);
  assert.deepEqual(assay.place(640, 480, 224, 224), { x: 0, y: 28, width: 224, height: 168 });
  assert.deepEqual(assay.place(101, 200, 200, 200), { x: 49, y: 0, width: 101, height: 200 });
  assert.deepEqual(assay.place(10000, 1, 224, 224), { x: 0, y: 111, width: 224, height: 1 });
});
