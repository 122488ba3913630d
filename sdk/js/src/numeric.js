// Small numeric helpers that many plugins need.

export function softmax(logits, temperature = 1) {
  const values = Array.from(logits);
  if (values.length === 0 || !(temperature > 0) || !values.every(Number.isFinite)) return undefined;
  const top = values.reduce((a, b) => Math.max(a, b));
  const powers = values.map((value) => Math.exp((value - top) / temperature));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
}

export function l1Distance(a, b) {
  const length = Math.min(a.length, b.length);
  let sum = 0;
  for (let at = 0; at < length; at += 1) sum += Math.abs(a[at] - b[at]);
  return sum;
}
