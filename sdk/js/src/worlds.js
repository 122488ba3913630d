// The three kinds of plugin: what the station calls.

import { exported, handOver } from './call.js';
import { attributes, findingFromWit, findingToWit, frame } from './data.js';
import { PluginError } from './errors.js';
import { Image } from './image.js';
import { Tensors } from './tensor.js';

export function detector(Plugin) {
  const begin = (raw, evidence) => [
    frame(raw),
    {
      picture: new Image(evidence.picture),
      inputs: new Tensors(evidence.inputs),
      outputs: new Tensors(evidence.outputs),
      attributes: Object.fromEntries(evidence.attributes),
    },
  ];
  const end = (answer) => ({
    findings: (answer.findings ?? []).map(findingToWit),
    attributes: attributes(answer.attributes),
    images: named(answer.images, handOver(Object.values(answer.images ?? {}))),
  });
  return { detect: exported(Plugin, begin, (plugin, ...given) => plugin.detect(...given), end) };
}

export function preprocessor(Plugin) {
  const begin = (raw, picture) => [frame(raw), new Image(picture)];
  const end = ({ tensors = {}, picture, images = {}, attributes: more }) => {
    const pictures = picture ? [picture] : [];
    const raw = handOver([...Object.values(tensors), ...pictures, ...Object.values(images)]);
    return {
      attributes: attributes(more),
      tensors: named(tensors, raw),
      picture: picture ? raw[Object.keys(tensors).length] : undefined,
      images: named(images, raw.slice(Object.keys(tensors).length + pictures.length)),
    };
  };
  return { preprocess: exported(Plugin, begin, (plugin, ...given) => plugin.preprocess(...given), end) };
}

export function monitor(Plugin) {
  const begin = (raw, inspection) => [
    frame(raw),
    {
      picture: new Image(inspection.picture),
      verdict: inspection.verdict,
      label: inspection.label ?? undefined,
      probabilities: Float32Array.from(inspection.probabilities),
      findings: inspection.findings.map(findingFromWit),
      outputs: new Tensors(inspection.outputs),
      attributes: Object.fromEntries(inspection.attributes),
    },
  ];
  const end = (answer) => ({
    reports: (answer.reports ?? []).map(report),
    attributes: attributes(answer.attributes),
  });
  return { observe: exported(Plugin, begin, (plugin, ...given) => plugin.observe(...given), end) };
}

function report({ feature, statistic, value, threshold, drifted, window, attributes: more }) {
  if (!Number.isSafeInteger(window) || window < 0) {
    throw new PluginError(`report of ${feature}: window is ${window}; expected a number of frames`);
  }
  const numbers = { value: Number(value), threshold: Number(threshold), window: BigInt(window) };
  return { feature, statistic, ...numbers, drifted: drifted === true, attributes: attributes(more) };
}

// The names of `given` with the first of `raw`, in their order.
function named(given, raw) {
  return Object.keys(given ?? {}).map((name, at) => [name, raw[at]]);
}
