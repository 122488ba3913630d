// The p-chart and its run rules: numbers in, numbers out.
//
// Montgomery, D. C., "Introduction to Statistical Quality Control", 7.2 (fraction nonconforming) and 5.3.6 (run rules);
// the rules are those of Western Electric Company, "Statistical Quality Control Handbook", 1956.

// Each looks at the newest points: at least `need` of the last `of`, the newest among them, on one side of the centre
// and at least `zone` sigma away from it.
const ZONES = [
  { rule: 2, need: 2, of: 3, zone: 2 },
  { rule: 3, need: 4, of: 5, zone: 1 },
];

// Centre line and sigma of the reject rate of one subgroup, of so many rejects among so many frames. A baseline without
// any reject (or without anything else) has no width: it counts as half a reject (half a good part).
export function chartOf(rejects, frames, size) {
  const counted = Math.min(Math.max(rejects, 0.5), frames - 0.5);
  return chartAt(counted / frames, size);
}

// The same for a centre line that is known.
export function chartAt(centre, size) {
  const sigma = Math.sqrt((centre * (1 - centre)) / size);
  return { centre, sigma, upper: Math.min(1, centre + 3 * sigma), lower: Math.max(0, centre - 3 * sigma) };
}

// Distance of a rate from the centre in sigma, with its sign.
export function distance(chart, rate) {
  return (rate - chart.centre) / chart.sigma;
}

// The rules on distances from the centre, the newest last. `value` at or above `threshold` is a signal.
export function runRules(distances, runLength) {
  const newest = distances.at(-1);
  const side = Math.sign(newest);
  const rules = [{ rule: 1, value: Math.abs(newest), threshold: 3, of: 1 }];
  for (const { rule, need, of, zone } of ZONES) {
    const beyond = (z) => z * side >= zone;
    const value = side !== 0 && beyond(newest) ? distances.slice(-of).filter(beyond).length : 0;
    rules.push({ rule, value, threshold: need, of });
  }
  rules.push({ rule: 4, value: side === 0 ? 0 : run(distances, side), threshold: runLength, of: runLength });
  return rules.map((rule) => ({ ...rule, side }));
}

// How many of the newest points lie on that side without a break; a point on the centre breaks a run.
function run(distances, side) {
  const other = distances.findLastIndex((z) => Math.sign(z) !== side);
  return distances.length - 1 - other;
}
