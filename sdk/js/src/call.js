// What happens around a call of the station: handles end with it, and exceptions become the station's errors.
//
// An instance may live for one frame or, when the recipe keeps it warm, for many. So nothing that belongs to a frame
// outlives its call: every handle is released here, also after an exception.

import { PluginError, describe, toWit } from './errors.js';

// What the bindings call it.
export const dispose = Symbol.dispose ?? Symbol.for('dispose');

// Handles of the call in progress; null between calls.
let open = null;

// Something that the host holds.
export class Handle {
  #raw;

  constructor(raw) {
    if (open === null) {
      raw[dispose]();
      throw new PluginError(`${this.constructor.name}: made outside of a call; make it where the frame is judged`);
    }
    this.#raw = raw;
    open.add(this);
  }

  close() {
    const raw = this.#raw;
    this.#raw = undefined;
    open?.delete(this);
    raw?.[dispose]();
  }

  // `using picture = ...` asks for this one, also where the engine does not know the symbol itself.
  [Symbol.dispose ?? Symbol.for('Symbol.dispose')]() {
    this.close();
  }

  // For the SDK alone: what the bindings know it by.
  get _live() {
    if (this.#raw === undefined) {
      throw new PluginError(
        `${this.constructor.name}: used after it was closed, handed to a model or to the station, or after its call ended`,
      );
    }
    return this.#raw;
  }

  // For the SDK alone: from now on somebody else releases it.
  _take() {
    const raw = this._live;
    this.#raw = undefined;
    open?.delete(this);
    return raw;
  }
}

// Hands handles on, all or none: a failure half-way would leave some that nobody releases.
export function handOver(handles) {
  for (const handle of handles) {
    if (!(handle instanceof Handle)) throw new PluginError(`expected a picture or a tensor, found ${String(handle)}`);
    handle._live;
  }
  if (new Set(handles).size !== handles.length) {
    throw new PluginError(`${handles[0].constructor.name}: one handle cannot be handed on twice; make a copy`);
  }
  return handles.map((handle) => handle._take());
}

// The function that the station calls. `begin` makes the author's arguments of the raw ones, `work` calls the author's
// object, `end` makes the raw answer. The object is made at the first call.
export function exported(Plugin, begin, work, end) {
  let plugin;
  return (...raw) => {
    open = new Set();
    try {
      const given = begin(...raw);
      plugin ??= new Plugin();
      const answer = work(plugin, ...given);
      if (typeof answer?.then === 'function') throw new PluginError('a plugin answers at once: no async, no promise');
      return end(answer ?? {});
    } catch (error) {
      // After an error that nobody foresaw, nobody knows the state of the author's object.
      if (!(error instanceof PluginError)) plugin = undefined;
      throw Object.assign(new Error('see payload'), { payload: failure(error) });
    } finally {
      for (const handle of open) handle.close();
      open = null;
    }
  };
}

function failure(error) {
  return error instanceof PluginError ? toWit(error) : { tag: 'other', val: describe(error) };
}
