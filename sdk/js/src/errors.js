// Why a plugin gives no answer.

export class PluginError extends Error {
  get name() {
    return this.constructor.name;
  }
}

export class UnsupportedInput extends PluginError {}

export class BadSetting extends PluginError {
  static of(key, expected, found) {
    return new BadSetting(`setting ${key}: expected ${expected}, found ${found}`);
  }
}

export class InferenceError extends PluginError {}

// What the bindings throw carries the host's value as `payload`.
export function payloadOf(error) {
  return error !== null && typeof error === 'object' && 'payload' in error ? error.payload : undefined;
}

// Calls the host; its errors become ours: bad arguments are `UnsupportedInput`, limits and the rest `PluginError`.
export function host(work) {
  try {
    return work();
  } catch (error) {
    const payload = payloadOf(error);
    if (typeof payload?.tag !== 'string') throw error;
    throw payload.tag === 'invalid-argument' ? new UnsupportedInput(payload.val) : new PluginError(payload.val);
  }
}

// As the station takes it.
export function toWit(error) {
  const text = String(error.message || error.name);
  if (error instanceof UnsupportedInput) return { tag: 'unsupported-input', val: text };
  if (error instanceof BadSetting) return { tag: 'bad-setting', val: text };
  if (error instanceof InferenceError) return { tag: 'inference', val: text };
  return { tag: 'other', val: text };
}

// One line of anything that was thrown: what, and where.
export function describe(error) {
  if (!(error instanceof Error)) return `thrown: ${String(error)}`;
  const place = String(error.stack ?? '').split('\n').find((line) => /:\d+:\d+/.test(line))?.trim();
  return `${error.name}: ${error.message}${place ? ` (${place})` : ''}`;
}
