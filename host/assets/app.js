// Small helpers of the admin. No inline scripts anywhere: the content security policy forbids them.
'use strict';

// Live page: say so when the event stream is down.
document.addEventListener('htmx:sseError', () => document.body.classList.add('disconnected'));
document.addEventListener('htmx:sseOpen', () => document.body.classList.remove('disconnected'));

// Drift page: each chart names the address of its series.
function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

// Hours, minutes and seconds in UTC, as everywhere in the admin.
function clock(seconds) {
  return seconds === null ? '' : new Date(seconds * 1000).toISOString().slice(11, 19);
}

// One point alone has no range of its own: it gets a little room on both sides.
function withRoom(series) {
  if (series.t.length !== 1) return series;
  const [t] = series.t;
  const [threshold] = series.threshold;
  return { t: [t - 5, t, t + 5], value: [null, series.value[0], null], threshold: [threshold, threshold, threshold] };
}

function drawChart(box, series) {
  const target = box.querySelector('.plot');
  const axis = { stroke: colour('--dim'), grid: { stroke: colour('--line'), width: 1 }, ticks: { stroke: colour('--line') } };
  const options = {
    width: Math.max(280, target.clientWidth),
    height: 190,
    cursor: { drag: { x: true, y: false } },
    scales: { x: { time: false } },
    axes: [{ ...axis, space: 80, values: (_plot, ticks) => ticks.map(clock) }, { ...axis, size: 56 }],
    series: [
      { label: 'UTC', value: (_plot, seconds) => clock(seconds) },
      { label: box.dataset.valueLabel, stroke: colour('--bar'), width: 2, points: { show: series.t.length < 40 } },
      { label: box.dataset.thresholdLabel, stroke: colour('--fail'), width: 1, dash: [6, 4], points: { show: false } },
    ],
  };
  target.replaceChildren();
  return new uPlot(options, [series.t, series.value, series.threshold], target);
}

async function refreshChart(box) {
  try {
    const answer = await fetch(box.dataset.series, { headers: { accept: 'application/json' } });
    if (!answer.ok) return;
    const series = await answer.json();
    if (box.plot && box.points === series.t.length) return;
    if (box.plot) box.plot.destroy();
    box.plot = drawChart(box, withRoom(series));
    box.points = series.t.length;
    box.dataset.drawn = 'true';
  } catch (_) {
    // The next round tries again.
  }
}

function refreshAll() {
  document.querySelectorAll('.chart[data-series]').forEach(refreshChart);
}

document.addEventListener('DOMContentLoaded', () => {
  if (!document.querySelector('.chart[data-series]')) return;
  refreshAll();
  setInterval(refreshAll, 3000);
});
