// node --import ./sdk/js/testing/register.mjs --test plugins/spc-monitor/tests/

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Station } from 'assay/testing';
import { chartAt, chartOf, distance, runRules } from '../src/chart.js';

const expected = JSON.parse(readFileSync(new URL('expected.json', import.meta.url), 'utf8'));
// A module of its own for each station: a fresh instance.
let copies = 0;
const instance = async () => (await import(`../src/plugin.js?${(copies += 1)}`)).observe;

const verdicts = (rejects, size) => [...Array(rejects).fill('fail'), ...Array(size - rejects).fill('pass')];
const near = (found, wanted) => assert.ok(Math.abs(found - wanted) < 1e-12, `${found}, not ${wanted}`);

// What the plugin reports after each sample: the rules that drifted, 0 for the p-chart.
async function rulesOf(settings, samples, fresh = false) {
  const station = new Station({ settings });
  let plugin = await instance();
  const found = [];
  for (const rejects of samples) {
    for (const verdict of verdicts(rejects, settings.subgroup)) {
      if (fresh) plugin = await instance();
      const { reports } = station.observe(plugin, { verdict });
      if (reports.length > 0) found.push(reports);
    }
  }
  const number = ({ statistic }) => (statistic === 'p-chart' ? 0 : Number(statistic.replace('run-rule-', '')));
  return { reports: found, rules: found.map((reports) => reports.filter(({ drifted }) => drifted).map(number)) };
}

test('a known centre line: the textbook\'s samples, by the independent computation', async () => {
  for (const [centre, samples, wanted] of [
    ['trial', 'first', 'signals_first_by_trial'],
    ['revised', 'after', 'signals_after_by_revised'],
  ]) {
    const [numerator, denominator] = expected[centre];
    const settings = { subgroup: expected.size, baseline: numerator / denominator, 'run-length': expected.run };
    const { rules } = await rulesOf(settings, expected[samples]);
    assert.deepEqual(rules, expected[wanted]);
    assert.ok(rules.flat().includes(4) || rules.flat().includes(1), 'the samples break rules');
  }
});

test('a measured centre line: the first subgroups report nothing', async () => {
  const settings = { subgroup: expected.size, 'baseline-subgroups': 30, 'run-length': expected.run };
  const { rules, reports } = await rulesOf(settings, [...expected.first, ...expected.after]);
  assert.deepEqual(rules, expected.signals_after_by_trial);
  const [chart, first] = reports[0];
  const centre = expected.trial[0] / expected.trial[1];
  near(chart.value, expected.after[0] / expected.size);
  near(chart.threshold, centre + 3 * Math.sqrt((centre * (1 - centre)) / expected.size));
  assert.deepEqual([chart.feature, chart.statistic, chart.window], ['reject_rate', 'p-chart', 50n]);
  assert.equal(Object.fromEntries(chart.attributes).subgroup, '31');
  assert.deepEqual([first.statistic, first.threshold], ['run-rule-1', 3]);
});

test('fresh instances and a warm one see the same', async () => {
  const settings = { subgroup: 10, baseline: 0.2 };
  const samples = [2, 6, 5, 0, 1, 1, 1, 1, 1, 1, 1, 1];
  const warm = await rulesOf(settings, samples);
  assert.deepEqual((await rulesOf(settings, samples, true)).reports, warm.reports);
  assert.equal(warm.reports.length, samples.length);
});

test('the run rules on their edges', () => {
  const broken = (distances, length = 8) =>
    runRules(distances, length).filter(({ value, threshold }) => value >= threshold).map(({ rule }) => rule);
  assert.deepEqual(broken([3]), [1]);
  assert.deepEqual(broken([-3.1]), [1]);
  assert.deepEqual(broken([2, 0, 2]), [2]);
  assert.deepEqual(broken([2, 0, -2]), [], 'two sides');
  assert.deepEqual(broken([2, 2, 0]), [2].slice(1), 'the newest point is none of them');
  assert.deepEqual(broken([2, 0, 0, 2]), [], 'too long ago');
  assert.deepEqual(broken([1, 1, 0, 1, 1]), [3]);
  assert.deepEqual(broken([1, 1, 0, 0, 1, 1]), []);
  assert.deepEqual(broken(Array(8).fill(-0.1)), [4]);
  assert.deepEqual(broken([...Array(7).fill(0.1), 0, 0.1]), [], 'a point on the centre breaks a run');
  assert.deepEqual(broken(Array(8).fill(0.1), 9), []);
});

test('a baseline without any reject has a width, and its limits stay shares', () => {
  const none = chartOf(0, 1000, 50);
  near(none.centre, 0.0005);
  assert.ok(none.sigma > 0 && none.lower === 0);
  assert.ok(distance(none, 0) < 0 && Math.abs(distance(none, 0)) < 1);
  assert.equal(chartOf(1000, 1000, 50).upper, 1);
  near(chartAt(0.5, 100).upper, 0.65);
});

test('undecided parts are left out, or count as rejects', async () => {
  const run = async (undecided) => {
    const station = new Station({ settings: { subgroup: 2, baseline: 0.5, undecided } });
    const plugin = await instance();
    const all = ['undecided', 'pass', 'undecided', 'pass'].map((verdict) => station.observe(plugin, { verdict }).reports);
    return all.map((reports) => reports[0]?.value);
  };
  assert.deepEqual(await run('skip'), [undefined, undefined, undefined, 0]);
  assert.deepEqual(await run('reject'), [undefined, 0.5, undefined, 0.5]);
});

test('other settings begin anew, and state stays small', async () => {
  const station = new Station({ settings: { subgroup: 3, baseline: 0.5 } });
  const first = await instance();
  for (let at = 0; at < 500; at += 1) station.observe(first, { verdict: 'pass' });
  assert.ok(station.state.get('chart').length < 600);
  station.settings = { subgroup: 2, baseline: 0.5 };
  const second = await instance();
  assert.deepEqual(station.observe(second, { verdict: 'fail' }).reports, []);
  const [chart, , , , run] = station.observe(second, { verdict: 'fail' }).reports;
  assert.deepEqual([chart.value, run.value], [1, 1]);
});

test('a wrong setting is named', async () => {
  const station = new Station({ settings: { subgroup: 1 } });
  const plugin = await instance();
  const wanted = { tag: 'bad-setting', val: 'setting subgroup: expected a whole number from 2 to 100000, found 1' };
  assert.throws(() => station.observe(plugin), ({ payload }) => (assert.deepEqual(payload, wanted), true));
});
