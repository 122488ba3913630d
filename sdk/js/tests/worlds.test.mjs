// The SDK against a station in plain JavaScript:
//   node --import ./sdk/js/testing/register.mjs --test sdk/js/tests/

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as assay from 'assay';
import { Station, picture, tensor } from 'assay/testing';

const grey = (value, width = 8, height = 8) => picture(width, height, 'gray8', new Uint8Array(width * height).fill(value));
const failing = (work) => {
  try {
    work();
  } catch (error) {
    return error.payload;
  }
  return assert.fail('nothing was thrown');
};

test('a detector gets its evidence and gives findings', () => {
  const station = new Station({ settings: { limit: 100 } });
  const plugin = assay.detector(class {
    limit = assay.settings.number('limit', { low: 0, high: 255 });
    detect(frame, evidence) {
      assay.log.info(`${frame.trigger}`);
      assert.deepEqual([...evidence.outputs.get('logits').toFloat32()], [1, 2]);
      const { mean } = evidence.picture.statistics();
      const region = { x: 1, y: 2, width: 3, height: 4 };
      return { findings: [{ label: 'bright', score: 7, raised: mean > this.limit, region, attributes: { mean } }] };
    }
  });
  const answer = station.detect(plugin, grey(200), { outputs: { logits: tensor([1, 2], [1, 2]) } });
  assert.deepEqual(answer.findings, [{
    label: 'bright', score: 1, raised: true, region: { x: 1, y: 2, width: 3, height: 4 }, text: undefined,
    attributes: [['mean', '200']],
  }]);
  assert.deepEqual(station.lines, [['info', '1']]);
});

test('handles end with the call, also where the author keeps or forgets them', () => {
  const station = new Station();
  let kept;
  const plugin = assay.detector(class {
    detect(_, { picture: image }) {
      kept?.width;
      kept = image.crop({ x: 0, y: 0, width: 2, height: 2 });
      return { images: { part: image.crop({ x: 0, y: 0, width: 4, height: 4 }) } };
    }
  });
  const answer = station.detect(plugin, grey(1));
  assert.equal(answer.images[0][1].w, 4);
  const later = failing(() => station.detect(plugin, grey(1)));
  assert.equal(later.tag, 'other');
  assert.match(later.val, /after its call ended/);
});

test('what was handed on cannot be used again', () => {
  const station = new Station();
  const twice = assay.detector(class {
    detect(_, { picture: image }) {
      return { images: { a: image, b: image } };
    }
  });
  assert.match(failing(() => station.detect(twice, grey(1))).val, /cannot be handed on twice/);
  const models = { net: () => ({}) };
  const spent = assay.detector(class {
    detect(_, { picture: image }) {
      const input = image.toTensor({});
      new assay.Model('net').compute({ input });
      return { attributes: { shape: input.shape } };
    }
  });
  assert.match(failing(() => new Station({ models }).detect(spent, grey(1))).val, /handed to a model or to the station/);
  assert.throws(() => new assay.Image(grey(1)), /outside of a call/);
});

test('errors become those of the station', () => {
  const raised = (error) => {
    new Station();
    return failing(() => new Station().detect(assay.detector(class { detect() { throw error; } }), grey(1)));
  };
  assert.deepEqual(raised(new assay.UnsupportedInput('a')), { tag: 'unsupported-input', val: 'a' });
  assert.deepEqual(raised(new assay.BadSetting('b')), { tag: 'bad-setting', val: 'b' });
  assert.deepEqual(raised(new assay.InferenceError('c')), { tag: 'inference', val: 'c' });
  assert.deepEqual(raised(new assay.PluginError('d')), { tag: 'other', val: 'd' });
  assert.match(raised(new TypeError('e')).val, /^TypeError: e \(.*worlds\.test\.mjs:\d+/);
  assert.deepEqual(raised('text'), { tag: 'other', val: 'thrown: text' });
  const host = failing(() => new Station().detect(assay.detector(class {
    detect(_, { picture: image }) { image.crop({ x: 5, y: 5, width: 9, height: 9 }); }
  }), grey(1)));
  assert.deepEqual(host, { tag: 'unsupported-input', val: 'the region is not inside' });
});

test('a promise is refused: the call would end before the work', () => {
  const plugin = assay.detector(class { async detect() { return {}; } });
  assert.match(failing(() => new Station().detect(plugin, grey(1))).val, /no async/);
});

test('an instance makes its object once, and anew after an error that nobody foresaw', () => {
  const station = new Station();
  let made = 0;
  let mood = 'good';
  const plugin = assay.detector(class {
    constructor() { made += 1; }
    detect() {
      if (mood === 'said') throw new assay.UnsupportedInput('said');
      if (mood === 'odd') throw new RangeError('odd');
      return {};
    }
  });
  for (const [next, expected] of [['good', 1], ['said', 1], ['odd', 1], ['good', 2]]) {
    mood = next;
    if (next === 'good') station.detect(plugin, grey(1));
    else failing(() => station.detect(plugin, grey(1)));
    assert.equal(made, expected, next);
  }
});

test('models get tensors and give tensors', () => {
  const models = { net: ({ input }) => ({ logits: { shape: [2, 1], values: [input.values.length, input.shape[0]] } }) };
  const station = new Station({ models });
  const ask = (name, copy) => assay.detector(class {
    model = new assay.Model(name);
    detect(_, { picture: image }) {
      const batch = assay.Image.batchToTensor([image, image], { mean: 1, scale: [2] });
      const rows = this.model.compute({ input: copy ? batch.copy() : batch }).get('logits').rows();
      return { attributes: { rows: rows.map((row) => [...row]), again: copy ? batch.shape : 'none' } };
    }
  });
  assert.deepEqual(station.detect(ask('net', true), grey(3)).attributes, [['rows', '128,2'], ['again', '2,1,8,8']]);
  assert.deepEqual(station.detect(ask('net', false), grey(3)).attributes[1], ['again', 'none']);
  const unknown = failing(() => station.detect(ask('other', false), grey(3)));
  assert.deepEqual(unknown, { tag: 'inference', val: 'model other: not found: other is not granted' });
});

test('a preprocessor gives tensors and pictures', () => {
  const settings = { width: 4, height: 4, filter: 'nearest', mean: [0], scale: [255], pad: [0] };
  const plugin = assay.preprocessor(class {
    letterbox = assay.Letterbox.fromSettings();
    preprocess(_, image) {
      const fitted = this.letterbox.fit(image);
      return { tensors: { input: fitted.toTensor(this.letterbox.spec) }, picture: fitted, images: { seen: image } };
    }
  });
  const answer = new Station({ settings }).preprocess(plugin, grey(255, 8, 4));
  const [name, raw] = answer.tensors[0];
  assert.equal(name, 'input');
  assert.deepEqual([...raw.dimensions()], [1, 3, 4, 4]);
  const plane = [...new Float32Array(raw.data().buffer)].slice(0, 16);
  assert.deepEqual(plane, [...Array(4).fill(0), ...Array(8).fill(1), ...Array(4).fill(0)]);
  assert.deepEqual(answer.picture.info(), { width: 4, height: 4, format: 'rgb8' });
  assert.deepEqual(answer.images.map(([key, image]) => [key, image.w]), [['seen', 8]]);
});

test('a monitor remembers by the host, and a failed call changes nothing', () => {
  const station = new Station();
  const plugin = assay.monitor(class {
    observe(frame, inspection) {
      const seen = assay.state.getJson('seen', 0) + 1;
      assay.state.setJson('seen', seen);
      assay.state.setNumbers('numbers', [seen, 0.5]);
      if (inspection.verdict === 'fail') throw new Error('no');
      const [window] = assay.state.getNumbers('numbers');
      return { reports: [{ feature: 'f', statistic: 's', value: 1, threshold: 2, drifted: false, window }] };
    }
  });
  assert.equal(station.observe(plugin).reports[0].window, 1n);
  failing(() => station.observe(plugin, { verdict: 'fail' }));
  assert.equal(station.observe(plugin).reports[0].window, 2n);
});

test('state over its limit is an error', () => {
  const plugin = assay.monitor(class { observe() { assay.state.set('a', new Uint8Array(9)); return {}; } });
  assert.deepEqual(failing(() => new Station({ stateLimit: 8 }).observe(plugin)), { tag: 'other', val: 'over 8 bytes' });
});
