/** Finds the option that was probably meant by an unknown one. */

/**
 * Other libraries' names for options, without case, _ and -, and the names that saturnn has for them. A function has at most some
 * of these: the first one that it has is suggested.
 */
const synonyms: Readonly<Record<string, readonly string[]>> = {
  lr: ['learningRate', 'rate', 'peak'],
  eta: ['learningRate'],
  baselr: ['learningRate', 'rate'],
  maxlr: ['peak'],
  learningrate: ['rate', 'peak'],
  minlr: ['minimum'],
  etamin: ['minimum'],
  minrate: ['minimum'],
  bs: ['batch'],
  batchsize: ['batch'],
  minibatch: ['batch'],
  pad: ['padding'],
  pads: ['padding'],
  strides: ['stride'],
  kernelsize: ['kernel'],
  poolsize: ['kernel'],
  filtersize: ['kernel'],
  window: ['kernel'],
  ceilmode: ['ceil'],
  filters: ['outChannels', 'outputs', 'channels'],
  outfeatures: ['outputs'],
  infeatures: ['inputs'],
  units: ['outputs'],
  numfeatures: ['channels'],
  p: ['rate'],
  probability: ['rate'],
  droprate: ['rate'],
  dropoutrate: ['rate'],
  dropout: ['rate'],
  wd: ['weightDecay'],
  l2: ['weightDecay'],
  decay: ['weightDecay'],
  betas: ['beta1'],
  ema: ['averageDecay', 'average'],
  emadecay: ['averageDecay', 'average'],
  clip: ['clipNorm'],
  clipgradnorm: ['clipNorm'],
  gradclip: ['clipNorm'],
  maxgradnorm: ['clipNorm'],
  clipvalue: ['clipNorm'],
  maxnorm: ['clipNorm'],
  smoothing: ['labelSmoothing'],
  gamma: ['factor', 'momentum'],
  stepsize: ['milestones'],
  boundaries: ['milestones'],
  monitor: ['metric', 'best'],
  mindelta: ['minDelta'],
  restorebestweights: ['restore', 'restoreBest'],
  numepochs: ['epochs'],
  nepochs: ['epochs'],
  epoch: ['epochs'],
  maxepochs: ['epochs'],
  maxsteps: ['steps'],
  numclasses: ['classes'],
  nclasses: ['classes'],
  dataset: ['train', 'data'],
  data: ['train', 'dataset'],
  traindata: ['train'],
  trainset: ['train'],
  validation: ['test'],
  validationdata: ['test'],
  val: ['test'],
  testdata: ['test'],
  testset: ['test'],
  net: ['model'],
  network: ['model'],
  optim: ['optimizer'],
  scheduler: ['schedule', 'learningRate'],
  schedule: ['learningRate'],
  lrschedule: ['learningRate', 'schedule'],
  callback: ['callbacks'],
  dtype: ['precision'],
  mixedprecision: ['precision'],
  amp: ['precision'],
  randomseed: ['seed'],
  randomstate: ['seed'],
  numthreads: ['threads'],
  abortsignal: ['signal'],
  onepochend: ['onEpoch', 'onEvent'],
  onprogress: ['onProgress', 'onEvent'],
  onbatchend: ['onStep', 'onEvent'],
  onstepend: ['onStep'],
  ontrainend: ['onEnd'],
  ontrainingend: ['onEnd'],
  onfinish: ['onEnd'],
  onstop: ['onStopped'],
  activationfn: ['activation'],
  nonlinearity: ['activation'],
  init: ['initializer', 'initialize'],
  kernelinitializer: ['initializer'],
  weightinitializer: ['initializer'],
  topk: ['k'],
  dir: ['folder', 'dataDir'],
  directory: ['folder', 'dataDir'],
  path: ['folder'],
  out: ['folder'],
  axis: ['channelOffset'],
  offset: ['channelOffset'],
};

const plain = (name: string): string => name.toLowerCase().replace(/[-_\s]/g, '');

/** Returns the known name that an unknown one probably means: a synonym's, or the most similar one; null if none is similar. */
export function nearestName(unknown: string, known: readonly string[]): string | null {
  const wanted = plain(unknown);
  const same = known.find((name) => plain(name) === wanted);
  if (same !== undefined) return same;
  const meant = Object.hasOwn(synonyms, wanted) ? synonyms[wanted] : undefined;
  const synonym = meant?.find((name) => known.includes(name));
  if (synonym !== undefined) return synonym;
  const most = Math.min(3, Math.floor(wanted.length / 3));
  const [best] = known
    // Names of very different lengths are never similar, and there may be many.
    .filter((name) => Math.abs(plain(name).length - wanted.length) <= most)
    .map((name) => ({ name, distance: editDistance(wanted, plain(name)) }))
    .filter(({ distance }) => distance <= most)
    .sort((a, b) => a.distance - b.distance);
  return best?.name ?? null;
}

/** Longest names that are compared: a name may come from anywhere. */
const longest = 64;

/** Returns how many letters must be added, removed, replaced or exchanged with their neighbour to make `b` from `a`. */
export function editDistance(a: string, b: string): number {
  if (Math.max(a.length, b.length) > longest) return Number.POSITIVE_INFINITY;
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (last[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let cost = Math.min(replaced, (last[j] as number) + 1, (row[j - 1] as number) + 1);
      const exchanged = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (exchanged) cost = Math.min(cost, (before[j - 2] as number) + 1);
      row.push(cost);
    }
    [before, last] = [last, row];
  }
  return last[b.length] as number;
}
