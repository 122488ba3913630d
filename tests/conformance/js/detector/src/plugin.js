// Does what its setting `case` says; what each case has to give stands in cases.json.

import { BadSetting, Image, Model, PluginError, UnsupportedInput, detector, log, reference, settings } from 'assay';

const sum = (values) => values.reduce((total, value) => total + value, 0);
const region = (x, y, width, height) => ({ x, y, width, height });

function frameData(frame) {
  const { station, boot, trigger, capturedAtUs, source, product = 'none', serial = 'none' } = frame;
  return { attributes: { station, boot, trigger, captured: capturedAtUs, source, product, serial } };
}

function statistics({ picture }) {
  const found = picture.statistics();
  const attributes = {
    mean: found.mean.toFixed(3),
    sd: found.sd.toFixed(3),
    'laplacian-variance': found.laplacianVariance.toFixed(3),
    'dark-share': found.darkShare.toFixed(3),
    'bright-share': found.brightShare.toFixed(3),
  };
  found.channelMeans.forEach((mean, at) => {
    attributes[`channel-mean-${at}`] = mean.toFixed(3);
  });
  return { attributes };
}

function histogram({ picture }) {
  const counts = picture.histogram();
  return { attributes: { sum: sum(counts), weighted: sum(counts.map((count, luma) => luma * count)) } };
}

function read({ picture }) {
  const part = picture.crop(region(2, 3, 8, 6));
  const pixels = sum(part.readRegion(region(1, 1, 4, 4)));
  return { attributes: { size: `${part.width} ${part.height}`, region: pixels, rows: sum(picture.readRows(2, 2)) } };
}

function make() {
  const made = Image.fromPixels(2, 2, 'gray8', [0, 64, 128, 255]);
  return { images: { made, filled: Image.filled(3, 2, 'rgb8', [10, 20, 30]) } };
}

function operations({ picture }) {
  const top = Image.filled(4, 4, 'rgb8', [255, 255, 255]);
  return {
    images: {
      crop: picture.crop(region(2, 3, 8, 6)),
      resize: picture.resize(8, 6, 'nearest'),
      convert: picture.convert('gray8'),
      overlay: picture.overlay(top, 10, 2),
      gaussian: picture.gaussianBlur(2),
      median: picture.medianBlur(7),
      depth: picture.reduceBitDepth(1),
      jpeg: picture.jpegRoundTrip(10),
    },
  };
}

const shape = (tensor) => tensor.shape.join(' ');
const total = (tensor) => sum(Array.from(tensor.toFloat32())).toFixed(3);

function tensor({ picture }) {
  const one = picture.toTensor({ mean: 127, scale: 128 });
  const batch = Image.batchToTensor([picture, picture], { layout: 'nhwc', element: 'uint8' });
  const attributes = { shape: shape(one), sum: total(one) };
  return { attributes: { ...attributes, 'batch-shape': shape(batch), 'batch-sum': sum(batch.toBytes()) } };
}

function namedTensors({ inputs, outputs }) {
  const [input, output] = [inputs.get('input'), outputs.get('logits')];
  const attributes = { 'input-shape': shape(input), 'input-sum': total(input) };
  return { attributes: { ...attributes, 'output-shape': shape(output), 'output-sum': total(output) } };
}

function finding() {
  const scratch = { label: 'scratch', score: 0.75, raised: true, region: region(1, 2, 3, 4) };
  const whole = { ...scratch, text: 'Kratzer, größer als 划痕', attributes: { length: 7 } };
  return { findings: [whole, { label: 'clear', score: 0.25 }] };
}

function scoreRange() {
  const scores = { over: 2, under: -1, none: NaN };
  return { findings: Object.entries(scores).map(([label, score]) => ({ label, score })) };
}

const joined = (numbers) => Array.from(numbers, (number) => number.toFixed(1)).join(' ');

function allSettings() {
  return {
    attributes: {
      flag: settings.flag('flag'),
      integer: settings.integer('integer'),
      number: settings.number('number').toFixed(3),
      text: settings.text('text'),
      numbers: joined(settings.numbers('numbers')),
      texts: settings.texts('texts').join(' '),
    },
  };
}

function modelReference() {
  const brightness = reference.feature('brightness');
  const [mean, edges] = [brightness.number('mean').toFixed(3), joined(brightness.numbers('bins/edges'))];
  return { attributes: { mean, edges, digest: reference.digest() } };
}

// A square of the picture, its grey levels summed up by a model.
function ask(picture, name, side) {
  const input = picture.crop(region(2, 3, side, side)).convert('gray8').toTensor({ mean: 0, scale: 1 });
  const found = new Model(name).compute({ image: input }).get('sum');
  return { attributes: { shape: shape(found), sum: total(found) } };
}

function logLevels() {
  log.debug('one');
  log.info('two');
  log.warn('three');
  log.error('four');
  return {};
}

function logFlood() {
  for (let line = 0; line < 100; line += 1) log.info(`line ${line}`);
  return {};
}

function endless() {
  for (let turns = 0; ; turns += 1);
}

function memory() {
  const held = [];
  for (;;) held.push(new Uint8Array(1 << 20).fill(1));
}

function handles({ picture }) {
  const held = [];
  for (;;) held.push(picture.crop(region(0, 0, 1, 1)));
}

function hostBytes() {
  const held = [];
  for (;;) held.push(Image.filled(1024, 1024, 'gray8', [7]));
}

function fail(error) {
  throw error;
}

const CASES = {
  statistics,
  histogram,
  read,
  make,
  operations,
  tensor,
  evidence: namedTensors,
  'missing-tensor': ({ inputs }) => ({ attributes: { found: shape(inputs.get('nothing')) } }),
  finding,
  'score-range': scoreRange,
  settings: allSettings,
  labels: () => ({ attributes: { labels: settings.labels().join(' ') } }),
  reference: modelReference,
  inference: ({ picture }) => ask(picture, 'demo', 8),
  'unknown-model': ({ picture }) => ask(picture, 'other', 8),
  'model-refuses': ({ picture }) => ask(picture, 'demo', 4),
  log: logLevels,
  'log-flood': logFlood,
  'unsupported-input': () => fail(new UnsupportedInput('no part in sight')),
  'bad-setting': () => fail(BadSetting.of('integer', 'less', 'more')),
  other: () => fail(new PluginError('4 holes, expected 5')),
  'bad-argument': ({ picture }) => ({ images: { part: picture.crop(region(15, 11, 4, 4)) } }),
  'bad-region': () => ({ findings: [{ label: 'outside', score: 0.5, region: region(15, 11, 4, 4) }] }),
  endless,
  memory,
  handles,
  'host-bytes': hostBytes,
};

class Plugin {
  wanted = settings.text('case');

  detect(frame, evidence) {
    if (this.wanted === 'frame') return frameData(frame);
    const work = CASES[this.wanted] ?? (() => fail(BadSetting.of('case', 'a case', this.wanted)));
    return work(evidence);
  }
}

export const detect = detector(Plugin);
