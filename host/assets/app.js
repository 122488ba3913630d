// Small helpers of the admin. No inline scripts anywhere: the content security policy forbids them.
'use strict';

// Live page: say so when the event stream is down.
document.addEventListener('htmx:sseError', () => document.body.classList.add('disconnected'));
document.addEventListener('htmx:sseOpen', () => document.body.classList.remove('disconnected'));

// Drift page: each chart names the address of its series.
function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

// UTC, as everywhere in the admin; with the day where the time that is shown is longer than one.
function clock(seconds, span) {
  if (seconds === null) return '';
  const text = new Date(seconds * 1000).toISOString();
  return span > 86_400 ? `${text.slice(5, 10)} ${text.slice(11, 16)}` : text.slice(11, 19);
}

function drawChart(box, series) {
  const span = series.to - series.from;
  const target = box.querySelector('.plot');
  const axis = { stroke: colour('--dim'), grid: { stroke: colour('--line'), width: 1 }, ticks: { stroke: colour('--line') } };
  const options = {
    width: Math.max(280, target.clientWidth),
    height: 190,
    cursor: { drag: { x: true, y: false } },
    // The whole time that was asked about, also where there are few reports.
    scales: { x: { time: false, range: [series.from, series.to] } },
    axes: [{ ...axis, space: span > 86_400 ? 110 : 80, values: (_plot, ticks) => ticks.map((at) => clock(at, span)) }, { ...axis, size: 56 }],
    series: [
      { label: 'UTC', value: (_plot, seconds) => clock(seconds, span) },
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
    const newest = series.t.at(-1);
    if (box.plot && box.newest === newest) return;
    if (box.plot) box.plot.destroy();
    const empty = series.t.length === 0;
    box.querySelector('.no-data').hidden = !empty;
    box.plot = empty ? undefined : drawChart(box, series);
    box.newest = newest;
    box.dataset.drawn = 'true';
  } catch (_) {
    // The next round tries again.
  }
}

// One after the other: the station reads for few at one time.
async function refreshAll() {
  if (document.hidden) return;
  for (const box of document.querySelectorAll('.chart[data-series]')) await refreshChart(box);
}

document.addEventListener('DOMContentLoaded', () => {
  const first = document.querySelector('.chart[data-series]');
  if (!first) return;
  refreshAll();
  // A time that is over does not change.
  const seconds = Number(first.dataset.refreshS);
  if (seconds) setInterval(refreshAll, seconds * 1000);
  document.addEventListener('visibilitychange', refreshAll);
});
