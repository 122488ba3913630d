// The reference distributions that the model bundle carries.

import * as config from 'assay:plugin/config@0.1.0';
import { BadSetting } from './errors.js';
import { isNumber, plain } from './settings.js';

export function digest() {
  return config.referenceDigest() ?? none();
}

export function text() {
  return config.reference() ?? none();
}

export function value(path) {
  return plain(config.referenceValue(path));
}

export function feature(name) {
  return {
    name,
    number(key) {
      const found = value(`features/${name}/${key}`);
      return isNumber(found) ? found : missing(name, key, 'a number');
    },
    numbers(path) {
      const found = value(`features/${name}/${path}`);
      const good = Array.isArray(found) && found.length > 0 && found.every(isNumber);
      return good ? found : missing(name, path, 'a list of numbers');
    },
  };
}

function missing(name, key, expected) {
  if ((config.referenceDigest() ?? undefined) === undefined) none();
  throw BadSetting.of('reference', `${key} of ${name} as ${expected}`, 'none');
}

function none() {
  throw BadSetting.of('reference', 'a model bundle with a blob of role "reference"', 'a model bundle without one');
}
