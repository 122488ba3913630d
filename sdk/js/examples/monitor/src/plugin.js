// Watches the share of parts that do not pass, window by window.

import { monitor, settings, state } from 'assay';

class Plugin {
  window = settings.integer('window', { default: 50, low: 1, high: 10_000 });
  limit = settings.number('limit', { default: 0.2, low: 0, high: 1 });

  observe(frame, inspection) {
    // The host keeps what has to be remembered: the next frame may meet a fresh instance.
    const seen = state.getJson('seen', { frames: 0, rejects: 0 });
    seen.frames += 1;
    seen.rejects += inspection.verdict === 'pass' ? 0 : 1;
    if (seen.frames < this.window) {
      state.setJson('seen', seen);
      return {};
    }
    state.remove('seen');
    const value = seen.rejects / seen.frames;
    const report = { feature: 'reject_rate', statistic: 'share', value, threshold: this.limit };
    return { reports: [{ ...report, drifted: value >= this.limit, window: seen.frames }] };
  }
}

export const observe = monitor(Plugin);
