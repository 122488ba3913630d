// The plugin's own settings: the defaults of its manifest with the recipe's values over them, each in its own type.

import * as config from 'assay:plugin/config@0.1.0';
import { BadSetting } from './errors.js';

export function get(key) {
  return plain(config.setting(key));
}

export function number(key, { default: otherwise, low = -Infinity, high = Infinity } = {}) {
  const bounded = Number.isFinite(low) || Number.isFinite(high);
  return read(key, otherwise, `a number${bounded ? ` from ${low} to ${high}` : ''}`, (value) => isNumber(value) && inside(value, low, high));
}

export function integer(key, { default: otherwise, low = 0, high = Number.MAX_SAFE_INTEGER } = {}) {
  const expected = `a whole number from ${low} to ${high}`;
  // 50.0 is a number in a recipe, and not a whole one.
  const fits = (value, raw) => Number.isSafeInteger(value) && raw?.tag !== 'number' && inside(value, low, high);
  return read(key, otherwise, expected, fits);
}

export function flag(key, { default: otherwise } = {}) {
  return read(key, otherwise, 'true or false', (value) => typeof value === 'boolean');
}

export function text(key, { default: otherwise, choices = [] } = {}) {
  const expected = choices.length > 0 ? choices.join(' or ') : 'a text';
  const fits = (value) => typeof value === 'string' && (choices.length === 0 || choices.includes(value));
  return read(key, otherwise, expected, fits);
}

export function numbers(key, { default: otherwise } = {}) {
  const fits = (value) => isNumber(value) || (Array.isArray(value) && value.every(isNumber));
  const found = read(key, otherwise, 'a number or a list of numbers', fits);
  return Array.isArray(found) ? [...found] : [found];
}

export function texts(key, { default: otherwise } = {}) {
  const fits = (value) => Array.isArray(value) && value.every((item) => typeof item === 'string');
  return [...read(key, otherwise, 'a list of texts', fits)];
}

export function json(key) {
  const found = config.get(key);
  return found === undefined || found === null ? undefined : JSON.parse(found);
}

export function labels() {
  return Array.from(config.labels());
}

// A value of `config` in the language's own types; undefined for none.
export function plain(raw) {
  if (raw === undefined || raw === null) return undefined;
  if (raw.tag === 'integer') return Number(raw.val);
  if (raw.tag === 'other') return JSON.parse(raw.val);
  return raw.tag === 'numbers' || raw.tag === 'texts' ? Array.from(raw.val) : raw.val;
}

export function isNumber(value) {
  return typeof value === 'number' && Number.isFinite(value);
}

function inside(value, low, high) {
  return value >= low && value <= high;
}

function read(key, otherwise, expected, fits) {
  const raw = config.setting(key);
  const value = plain(raw) ?? otherwise;
  if (value === undefined) throw BadSetting.of(key, expected, 'nothing');
  if (!fits(value, raw)) throw BadSetting.of(key, expected, JSON.stringify(value));
  return value;
}
