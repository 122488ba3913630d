// Does what its setting `case` says; what each case has to give stands in cases.json.

import { BadSetting, PluginError, monitor, settings, state } from 'assay';

const sum = (values) => Array.from(values).reduce((total, value) => total + value, 0);

function report(feature, statistic, value, threshold) {
  return { feature, statistic, value, threshold, drifted: value >= threshold, window: 9 };
}

// One report per part of the inspection.
function all({ picture, verdict, label, probabilities, findings, outputs }) {
  return {
    reports: [
      report('picture', 'mean', picture.statistics().mean, 1000),
      report('verdict', verdict, 1, 1000),
      report('label', label ?? 'none', 1, 1000),
      report('probabilities', 'sum', sum(probabilities), 1000),
      report('finding', findings[0].label, findings[0].score, 1000),
      report('output', 'sum', sum(outputs.get('logits').toFloat32()), 1000),
    ],
  };
}

// Counts frames; forgets after the third.
function stateCount() {
  const now = (state.getNumbers('frames')?.[0] ?? 0) + 1;
  if (now < 3) state.setNumbers('frames', [now]);
  else state.remove('frames');
  return { reports: [report('frames', 'count', now, 1000)] };
}

// Every byte comes back.
function stateBytes() {
  state.set('bytes', Uint8Array.from({ length: 256 }, (_, at) => at));
  const found = Array.from(state.get('bytes') ?? []);
  return { reports: [report('bytes', 'weighted', sum(found.map((byte, at) => at * byte)), 1e9)] };
}

function stateLimit() {
  state.set('big', new Uint8Array(4096).fill(7));
  return {};
}

function stateUndone() {
  state.setNumbers('undone', [1]);
  throw new PluginError(`${state.get('undone')?.length ?? 0} is kept for now`);
}

const CASES = {
  inspection: all,
  reports: () => ({ reports: [report('brightness', 'psi', 0.5, 0.25), report('sharpness', 'ks', 0.1, 0.2)] }),
  quiet: () => ({}),
  'state-count': stateCount,
  'state-bytes': stateBytes,
  'state-limit': stateLimit,
  'state-undone': stateUndone,
};

class Plugin {
  wanted = settings.text('case');

  observe(frame, inspection) {
    const work = CASES[this.wanted];
    if (work === undefined) throw BadSetting.of('case', 'a case', this.wanted);
    return work(inspection);
  }
}

export const observe = monitor(Plugin);
