// Further inferences with the models that the recipe grants.

import { loadByName } from 'wasi:nn/graph@0.2.0-rc-2024-10-28';
import { dispose, handOver } from './call.js';
import { InferenceError, payloadOf } from './errors.js';
import { Tensors } from './tensor.js';

export class Model {
  constructor(name) {
    this.name = name;
  }

  compute(inputs) {
    const names = Object.keys(inputs);
    let graph;
    let context;
    try {
      graph = loadByName(this.name);
      context = graph.initExecutionContext();
      const raw = handOver(Object.values(inputs));
      return new Tensors(context.compute(names.map((name, at) => [name, raw[at]])));
    } catch (error) {
      throw failure(this.name, error);
    } finally {
      context?.[dispose]();
      graph?.[dispose]();
    }
  }
}

function failure(name, error) {
  const raw = payloadOf(error);
  if (typeof raw?.code !== 'function') return error;
  try {
    return new InferenceError(`model ${name}: ${raw.code().replaceAll('-', ' ')}: ${raw.data()}`);
  } finally {
    raw[dispose]();
  }
}
