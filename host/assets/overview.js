// The station page's full screen, and the dashboard's charts. Everything that they show is on the pages without scripts too.
'use strict';

(() => {
  // Full screen, by the button or the letter F.
  function fullScreen() {
    const button = document.querySelector('#full-screen');
    if (!button || !document.fullscreenEnabled) return;
    const toggle = () => {
      const done = document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen();
      done.catch(() => {});
    };
    button.hidden = false;
    button.addEventListener('click', toggle);
    document.addEventListener('keydown', (event) => {
      if (event.key.toLowerCase() === 'f' && !event.ctrlKey && !event.metaKey && !event.altKey) toggle();
    });
  }

  const REFRESH_MS = 10_000;
  const HEIGHT = 230;
  const GIB = 1 << 30;
  // Between two marks of the time: round ones, in seconds.
  const TIME_STEPS = [10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 432_000, 864_000];
  // Charts of counts have no mark between two whole numbers.
  const COUNTED = ['misses', 'failures', 'queue'];
  const WHOLE_STEPS = [1, 2, 5].flatMap((digit) => [0, 1, 2, 3, 4, 5, 6, 7].map((power) => digit * 10 ** power)).sort((a, b) => a - b);
  // As wide as its longest number: "1000.0 ms" must not lose its first digit.
  const widest = (_plot, texts) => 26 + 8 * Math.max(3, ...(texts ?? []).map((text) => String(text).length));
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const pairs = (text) => new Map(text.split('|').map((pair) => pair.split(/=(.*)/s).slice(0, 2)));

  // Lists of the same length, added from the first to each: what is drawn over one another looks stacked.
  function stacked(lists) {
    const sums = [];
    lists.forEach((list) => {
      const below = sums.at(-1);
      sums.push(list.map((value, at) => (value === null && !below ? null : (value ?? 0) + (below?.[at] ?? 0))));
    });
    // Where nothing was measured at all there is a gap, not a zero.
    const gaps = lists[0]?.map((_, at) => lists.every((list) => list[at] === null)) ?? [];
    return sums.map((list) => list.map((value, at) => (gaps[at] ? null : value)));
  }

  /** Lines of each chart: label, values, colour, dashes, whether the area below is filled, and how a value is written. */
  function linesOf(kind, now, before, box) {
    const word = pairs(box.dataset.words);
    const [share, count, ms] = [(v) => `${(v * 100).toFixed(1)} %`, (v) => v.toLocaleString('en'), (v) => `${v.toFixed(v < 10 ? 2 : 1)} ms`];
    const size = (v) => (v >= 1 ? `${v.toFixed(1)} GiB` : `${(v * 1024).toFixed(0)} MiB`);
    const gib = (list) => list.map((value) => (value === null ? null : value / GIB));
    const old = (list, show) => (list ? [{ label: word.get('before'), values: list, colour: css('--dim'), dash: [5, 4], show }] : []);
    const stack = (parts) => {
      const sums = stacked(parts.map((part) => part.values));
      return parts.map((part, at) => ({ ...part, values: sums[at], own: part.values, fill: true })).reverse();
    };
    const line = (label, values, number, show) => ({ label, values, colour: css(`--line-${number}`), show });
    switch (kind) {
      case 'throughput': {
        const minutes = now.covered_s.map((seconds) => (seconds ? seconds / 60 : null));
        const rate = (list) => list.map((value, at) => (value === null || !minutes[at] ? null : value / minutes[at]));
        const show = (v) => v.toFixed(1);
        return [
          ...stack([
            { label: word.get('pass'), values: rate(now.passed), colour: css('--line-3'), show },
            { label: word.get('fail'), values: rate(now.failed), colour: css('--line-6'), show },
            { label: word.get('undecided'), values: rate(now.undecided), colour: css('--line-4'), show },
          ]),
          ...old(before?.frames_per_min, show),
        ];
      }
      case 'yield':
        return [{ ...line(word.get('yield'), now.yield, 3, share), width: 2 }, ...old(before?.yield, share)];
      case 'latency': {
        const at = `${box.dataset.percentile}_ms`;
        const names = [...pairs(box.dataset.stages)].filter(([name]) => now.stages[name]);
        const parts = names.map(([name, label], number) => line(label, now.stages[name][at], number + 1, ms));
        // The budget bounds the time to the verdict, not the way to the disk behind it.
        const { whole, judged } = { whole: now.stages.whole?.[at], judged: now.stages.judged?.[at] };
        const budget = Number(box.dataset.budgetMs);
        return [
          ...stack(parts),
          ...(whole ? [{ label: word.get('whole'), values: whole, colour: css('--dim'), show: ms }] : []),
          ...(judged ? [{ label: word.get('judged'), values: judged, colour: css('--text'), width: 2, show: ms }] : []),
          ...old(before?.stages.judged?.[at], ms),
          ...(budget && judged?.some((v) => v > budget / 4) ? [{ label: word.get('budget'), values: now.t.map(() => budget), colour: css('--fail'), dash: [6, 4], show: ms }] : []),
        ];
      }
      case 'misses':
        return [line(word.get('missed'), now.deadline_missed, 6, count), line(word.get('flagged'), now.flagged, 4, count), line(word.get('faults'), now.plugin_faults, 2, count)];
      case 'plugins':
        return Object.entries(now.plugins).map(([name, plugin], number) => line(name, plugin.mean_ms, (number % 8) + 1, ms));
      case 'failures':
        return Object.entries(now.plugins).map(([name, plugin], number) => line(name, plugin.failures, (number % 8) + 1, count));
      case 'cpu':
        return [line(word.get('cpu'), now.own_cpu, 1, share), line(word.get('busy'), now.busy_cpu, 8, share), ...old(before?.own_cpu, share)];
      case 'memory':
        return [line(word.get('memory'), gib(now.own_memory_bytes), 1, size), line(word.get('memory-free'), gib(now.memory_free_bytes), 8, size)];
      case 'disk':
        return [line(word.get('disk'), gib(now.disk_free_bytes), 1, size)];
      case 'queue':
        return [line(word.get('queue'), now.queue_frames, 1, count), line(word.get('outbox'), now.outbox_pending, 2, count)];
      default:
        return [];
    }
  }

  // Times in UTC, as everywhere in the admin; with the day where a range has several.
  function timeText(seconds, span) {
    const text = new Date(seconds * 1000).toISOString();
    if (span <= 3600) return text.slice(11, 19);
    return span <= 86_400 ? text.slice(11, 16) : `${text.slice(5, 10)} ${text.slice(11, 16)}`;
  }

  function draw(panel, now, lines, charts) {
    const target = panel.querySelector('.plot');
    const axis = { stroke: css('--dim'), grid: { stroke: css('--line'), width: 1 }, ticks: { stroke: css('--line') } };
    const span = now.t.at(-1) - now.t[0] + now.step_s;
    const follow = (plot, key) => {
      if (key !== 'x' || charts.following) return;
      charts.following = true;
      const { min, max } = plot.scales.x;
      charts.zoomed = min > now.t[0] || max < now.t.at(-1);
      charts.box.dataset.zoomed = String(charts.zoomed);
      charts.plots.forEach((other) => { if (other !== plot) other.setScale('x', { min, max }); });
      charts.following = false;
    };
    const show = lines[0].show;
    const options = {
      width: Math.max(280, target.clientWidth),
      height: HEIGHT,
      cursor: { drag: { x: true, y: false }, sync: { key: 'dashboard' } },
      scales: { x: { time: false }, y: { range: (_plot, low, high) => [Math.min(0, low ?? 0), (high || 1) * 1.05] } },
      axes: [
        { ...axis, space: span > 86_400 ? 110 : 80, incrs: TIME_STEPS, values: (_plot, ticks) => ticks.map((at) => timeText(at, span)) },
        { ...axis, size: widest, values: (_plot, ticks) => ticks.map(show), ...(COUNTED.includes(panel.dataset.chart) ? { incrs: WHOLE_STEPS } : {}) },
      ],
      hooks: { setScale: [follow] },
      series: [
        { label: 'UTC', value: (_plot, at) => (at === null ? '' : timeText(at, Math.min(span, 86_401))) },
        ...lines.map((line) => ({
          label: line.label,
          stroke: line.colour,
          fill: line.fill ? line.colour : undefined,
          width: line.fill ? 0.5 : line.width ?? 1.75,
          dash: line.dash,
          points: { show: line.values.filter((value) => value !== null).length < 3 },
          value: (plot, _value, _series, at) => {
            const value = at === null ? null : (line.own ?? line.values)[at];
            return value === null || value === undefined ? '-' : line.show(value);
          },
        })),
      ],
    };
    if (panel.dataset.chart === 'yield') options.scales.y = { range: (_plot, low) => [Math.max(0, Math.min(0.9, Math.floor(((low ?? 0) - 0.03) * 20) / 20)), 1.005] };
    target.replaceChildren();
    return new uPlot(options, [now.t, ...lines.map((line) => line.values)], target);
  }

  function drawAll(box, history, charts) {
    charts.plots.forEach((plot) => plot.destroy());
    charts.plots = [];
    box.querySelectorAll('[data-chart]').forEach((panel) => {
      const lines = linesOf(panel.dataset.chart, history, history.before, box);
      const empty = !lines.some((line) => line.values.some((value) => value !== null));
      panel.querySelector('.no-data').hidden = !empty;
      panel.querySelector('.plot').hidden = empty;
      if (!empty) charts.plots.push(draw(panel, history, lines, charts));
    });
    box.dataset.drawn = String(charts.plots.length);
  }

  async function refresh(box, charts) {
    // What somebody looks at closely stays as it is.
    if (charts.zoomed || document.hidden) return;
    try {
      const answer = await fetch(box.dataset.history, { headers: { accept: 'application/json' } });
      if (answer.ok) drawAll(box, await answer.json(), charts);
    } catch (_) {
      // The next round tries again.
    }
  }

  function dashboard() {
    const box = document.querySelector('#series');
    if (!box) return;
    const charts = { box, plots: [], zoomed: false, following: false };
    refresh(box, charts);
    setInterval(() => refresh(box, charts), REFRESH_MS);
    document.addEventListener('visibilitychange', () => refresh(box, charts));
    let wait = 0;
    window.addEventListener('resize', () => {
      clearTimeout(wait);
      wait = setTimeout(() => charts.plots.forEach((plot) => plot.setSize({ width: Math.max(280, plot.root.parentElement.clientWidth), height: HEIGHT })), 150);
    });
  }

  document.addEventListener('DOMContentLoaded', () => { fullScreen(); dashboard(); });
})();
