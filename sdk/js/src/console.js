// A station has no console. The build puts this one in its place where a plugin uses `console`: lines go to the log.

import { write } from './log.js';

const line = (level) => (...values) => write(level, values.map(text).join(' '));

export const console = {
  debug: line('debug'),
  log: line('info'),
  info: line('info'),
  warn: line('warn'),
  error: line('error'),
};

function text(value) {
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  if (value === null || typeof value !== 'object') return String(value);
  return JSON.stringify(value, (_, inner) => (typeof inner === 'bigint' ? String(inner) : inner));
}
