// What each interface of the station has, under the names of the bindings. A test of the SDK holds it against the WIT.

export const NAMES = {
  log: ['log'],
  config: ['get', 'setting', 'labels', 'reference', 'referenceValue', 'referenceDigest'],
  state: ['get', 'set', 'delete'],
  imaging: ['Image', 'batchToTensor'],
  tensor: ['Tensor'],
  graph: ['Graph', 'load', 'loadByName'],
  inference: ['GraphExecutionContext'],
  errors: ['Error'],
};
