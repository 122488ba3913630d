// A station in plain JavaScript, so that a plugin can be tested without one.
//
//   import { Station, picture } from 'assay/testing';
//   const station = new Station({ settings: { limit: 100 } });
//   const { detect } = await import('../src/plugin.js');
//   const answer = station.detect(detect, picture(8, 8, 'gray8', new Uint8Array(64)));
//
// Answers are what the station would get; what it would not get, an error or a handle that is still held, is an
// exception here. Pictures are exact where plain code can be; other filters than `nearest`, blurs and JPEG are the
// host's.

import { Held, Image, Tensor, batchToTensor, failure, live } from './pixels.js';

let station;

export class Station {
  constructor({ settings = {}, labels = [], reference, models = {}, stateLimit = 1 << 20 } = {}) {
    Object.assign(this, { settings, labels, reference, models, stateLimit, state: new Map(), lines: [] });
    live.clear();
    station = this;
  }

  detect(plugin, image, { inputs = {}, outputs = {}, attributes = {}, frame } = {}) {
    const evidence = { picture: image, inputs: pairs(inputs), outputs: pairs(outputs), attributes: pairs(attributes) };
    return this.#call(() => plugin.detect(frame ?? newFrame(), evidence));
  }

  preprocess(plugin, image, { frame } = {}) {
    return this.#call(() => plugin.preprocess(frame ?? newFrame(), image));
  }

  observe(plugin, inspection = {}, { frame } = {}) {
    const image = inspection.picture ?? picture(4, 4, 'gray8', new Uint8Array(16).fill(128));
    const more = { verdict: 'pass', label: undefined, probabilities: new Float32Array(), findings: [], ...inspection };
    const [outputs, attributes] = [pairs(inspection.outputs ?? {}), pairs(inspection.attributes ?? {})];
    return this.#call(() => plugin.observe(frame ?? newFrame(), { ...more, picture: image, outputs, attributes }));
  }

  // State changes only where the call succeeds, and nothing may be held after it but what the answer gives away.
  #call(work) {
    const before = new Map(this.state);
    let answer;
    try {
      answer = work();
    } catch (error) {
      this.state = before;
      leaked('after an error', [], error);
      throw error;
    }
    leaked('after the call', handles(answer));
    live.clear();
    return answer;
  }
}

function leaked(when, given, cause) {
  const kept = [...live].filter((held) => !given.includes(held));
  if (kept.length > 0) throw new Error(`still held ${when}: ${kept.map((held) => held.constructor.name).join(', ')}`, { cause });
}

function handles(value) {
  if (value instanceof Held) return [value];
  return value !== null && typeof value === 'object' ? Object.values(value).flatMap(handles) : [];
}

export function picture(width, height, format, pixels) {
  return Image.fromPixels(width, height, format, pixels);
}

export function tensor(shape, values) {
  return new Tensor(shape, 'FP32', new Uint8Array(Float32Array.from(values).buffer));
}

function newFrame() {
  const counted = { boot: 1n, trigger: 1n, capturedAtUs: 1_700_000_000_000_000n };
  return { station: 'test', ...counted, source: 'folder', product: undefined, serial: undefined, attributes: [] };
}

function pairs(named) {
  return Object.entries(named);
}

// As `config` gives it. A number with a point cannot be told from one without: write `{ number: 1 }` for 1.0.
function value(of) {
  if (of === undefined) return undefined;
  if (typeof of === 'boolean') return { tag: 'flag', val: of };
  if (typeof of === 'string') return { tag: 'text', val: of };
  if (typeof of === 'number') return Number.isInteger(of) ? { tag: 'integer', val: BigInt(of) } : { tag: 'number', val: of };
  if (Array.isArray(of) && of.every((item) => typeof item === 'number')) return { tag: 'numbers', val: Float64Array.from(of) };
  if (Array.isArray(of) && of.every((item) => typeof item === 'string')) return { tag: 'texts', val: of };
  if (typeof of?.number === 'number') return { tag: 'number', val: of.number };
  return { tag: 'other', val: JSON.stringify(of) };
}

function referenceValue(path) {
  const enter = (found, word) => (Array.isArray(found) ? found.find(({ name }) => name === word) : found?.[word]);
  return value(path.split('/').reduce(enter, station.reference));
}

class WasiError extends Held {
  constructor(code, data) {
    super();
    Object.assign(this, { code: () => code, data: () => data });
  }
}

class GraphExecutionContext extends Held {
  constructor(model) {
    super();
    this.model = model;
  }

  compute(inputs) {
    const given = {};
    for (const [name, raw] of inputs) {
      given[name] = { shape: [...raw.dimensions()], values: [...new Float32Array(raw.data().buffer)] };
      raw[Symbol.dispose ?? Symbol.for('dispose')]();
    }
    try {
      return Object.entries(this.model(given)).map(([name, { shape, values }]) => [name, tensor(shape, values)]);
    } catch (error) {
      throw failure(new WasiError('invalid-argument', error.message));
    }
  }
}

class Graph extends Held {
  constructor(model) {
    super();
    this.initExecutionContext = () => new GraphExecutionContext(model);
  }
}

// The interfaces under the names of the bindings.
export const words = {
  log: { log: (level, message) => station.lines.push([level, message]) },
  config: {
    get: (key) => (key in station.settings ? JSON.stringify(station.settings[key]) : undefined),
    setting: (key) => value(station.settings[key]),
    labels: () => station.labels,
    reference: () => (station.reference === undefined ? undefined : JSON.stringify(station.reference)),
    referenceValue,
    referenceDigest: () => (station.reference === undefined ? undefined : '00'.repeat(32)),
  },
  state: {
    get: (key) => station.state.get(key)?.slice(),
    set(key, bytes) {
      const others = [...station.state].filter(([other]) => other !== key).reduce((sum, [, kept]) => sum + kept.length, 0);
      if (others + bytes.length > station.stateLimit) throw failure({ tag: 'limit', val: `over ${station.stateLimit} bytes` });
      station.state.set(key, Uint8Array.from(bytes));
    },
    delete: (key) => station.state.delete(key),
  },
  imaging: { Image, batchToTensor },
  tensor: { Tensor },
  graph: {
    Graph,
    load: () => { throw failure(new WasiError('security', 'models come by name')); },
    loadByName(name) {
      if (!(name in station.models)) throw failure(new WasiError('not-found', `${name} is not granted`));
      return new Graph(station.models[name]);
    },
  },
  inference: { GraphExecutionContext },
  errors: { Error: WasiError },
};
