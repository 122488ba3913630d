// What a monitor remembers between frames. The host keeps it.

import * as wit from 'assay:plugin/state@0.1.0';
import { host } from './errors.js';

export function get(key) {
  return wit.get(key) ?? undefined;
}

export function set(key, value) {
  host(() => wit.set(key, value));
}

export function remove(key) {
  wit['delete'](key);
}

export function getJson(key, otherwise) {
  const found = get(key);
  try {
    return found === undefined ? otherwise : JSON.parse(new TextDecoder().decode(found));
  } catch {
    return otherwise;
  }
}

export function setJson(key, value) {
  set(key, new TextEncoder().encode(JSON.stringify(value)));
}

export function getNumbers(key) {
  const found = get(key);
  return found === undefined || found.byteLength % 8 !== 0 ? undefined : new Float64Array(Uint8Array.from(found).buffer);
}

export function setNumbers(key, values) {
  set(key, new Uint8Array(Float64Array.from(values).buffer));
}
