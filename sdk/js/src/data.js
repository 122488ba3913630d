// Plain data on its way in and out.

import { PluginError } from './errors.js';

export function attributes(given) {
  return Object.entries(given ?? {}).map(([key, value]) => [key, String(value)]);
}

export function frame(raw) {
  const { station, source, product, serial } = raw;
  const counted = { boot: Number(raw.boot), trigger: Number(raw.trigger), capturedAtUs: Number(raw.capturedAtUs) };
  return { station, ...counted, source, product, serial, attributes: Object.fromEntries(raw.attributes) };
}

export function u32(value, what) {
  if (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff) {
    throw new PluginError(`${what}: expected a whole number from 0 to 4294967295, found ${value}`);
  }
  return value;
}

export function region(given) {
  const { x, y, width, height } = given;
  return { x: u32(x, 'x'), y: u32(y, 'y'), width: u32(width, 'width'), height: u32(height, 'height') };
}

// A score is brought into [0, 1]; one that is no number becomes 1, so that a broken measurement is seen.
export function unit(score) {
  return typeof score !== 'number' || Number.isNaN(score) ? 1 : Math.min(1, Math.max(0, score));
}

export function findingToWit(given) {
  if (typeof given.label !== 'string') throw new PluginError('a finding needs a label');
  return {
    label: given.label,
    score: unit(given.score),
    raised: given.raised === true,
    region: given.region ? region(given.region) : undefined,
    text: given.text === undefined || given.text === null ? undefined : String(given.text),
    attributes: attributes(given.attributes),
  };
}

export function findingFromWit(raw) {
  return { ...raw, attributes: Object.fromEntries(raw.attributes) };
}
