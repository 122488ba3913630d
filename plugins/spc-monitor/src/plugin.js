// Statistical process control of the reject rate: a p-chart with run rules.

import { monitor, settings, state } from 'assay';
import { chartAt, chartOf, distance, runRules } from './chart.js';

const FEATURE = 'reject_rate';

class SpcMonitor {
  constructor() {
    this.size = settings.integer('subgroup', { default: 50, low: 2, high: 100_000 });
    this.baselineGroups = settings.integer('baseline-subgroups', { default: 20, low: 2, high: 10_000 });
    this.runLength = settings.integer('run-length', { default: 8, low: 5, high: 50 });
    this.undecided = settings.text('undecided', { default: 'skip', choices: ['skip', 'reject'] });
    // A centre line that is known; where there is none, the first subgroups give it.
    const known = settings.get('baseline') !== undefined;
    this.baseline = known ? settings.number('baseline', { low: 0.0001, high: 0.9999 }) : undefined;
    // What was counted under other settings says nothing under these.
    this.made = [this.size, this.baselineGroups, this.undecided, this.baseline ?? 'measured'].join(' ');
  }

  observe(_, { verdict }) {
    if (verdict === 'undecided' && this.undecided === 'skip') return {};
    const seen = this.remembered();
    seen.frames += 1;
    seen.rejects += verdict === 'pass' ? 0 : 1;
    const reports = seen.frames < this.size ? [] : this.subgroup(seen);
    state.setJson('chart', seen);
    return { reports };
  }

  remembered() {
    const none = { made: this.made, frames: 0, rejects: 0, groups: 0, baseline: { groups: 0, rejects: 0 }, distances: [] };
    const seen = state.getJson('chart', none);
    return seen?.made === this.made ? seen : none;
  }

  // A subgroup is full: a part of the baseline, or a point of the chart.
  subgroup(seen) {
    const { rejects } = seen;
    Object.assign(seen, { frames: 0, rejects: 0, groups: seen.groups + 1 });
    const learned = seen.baseline;
    if (this.baseline === undefined && learned.groups < this.baselineGroups) {
      seen.baseline = { groups: learned.groups + 1, rejects: learned.rejects + rejects };
      return [];
    }
    const chart =
      this.baseline === undefined ? chartOf(learned.rejects, learned.groups * this.size, this.size) : chartAt(this.baseline, this.size);
    const rate = rejects / this.size;
    seen.distances = [...seen.distances, distance(chart, rate)].slice(-this.runLength);
    return this.reports(chart, rate, rejects, seen);
  }

  reports(chart, rate, rejects, { distances, groups }) {
    const line = (value) => value.toFixed(6);
    const lines = { centre: line(chart.centre), lower: line(chart.lower), upper: line(chart.upper), rejects, subgroup: groups };
    const report = (statistic, value, threshold, window, attributes) => ({
      feature: FEATURE, statistic, value, threshold, drifted: value >= threshold, window, attributes,
    });
    const rules = runRules(distances, this.runLength).map(({ rule, value, threshold, of, side }) =>
      report(`run-rule-${rule}`, value, threshold, this.size * Math.min(of, distances.length), {
        side: side < 0 ? 'below' : 'above',
        subgroup: groups,
      }),
    );
    return [report('p-chart', rate, chart.upper, this.size, lines), ...rules];
  }
}

export const observe = monitor(SpcMonitor);
