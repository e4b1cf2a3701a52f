/** Names that PyTorch modules of the same structure have, for weights for which a map says nothing. */

/** Names of the parts of a layer in PyTorch, by their names in saturnn. */
const own: Readonly<Record<string, string>> = { weight: 'weight', bias: 'bias' };
const ofNormalization: Readonly<Record<string, string>> = {
  scale: 'weight',
  shift: 'bias',
  runningMean: 'running_mean',
  runningVariance: 'running_var',
};

/** A part of a batch normalisation that PyTorch has, and saturnn does not: the number of training steps. */
const stepCount = 'num_batches_tracked';

/** Whether a name of PyTorch belongs to nothing that a network computes with. */
export const isBookkeeping = (name: string): boolean => name === stepCount || name.endsWith(`.${stepCount}`);

/** Returns the name of the count of steps beside running means; null for other names. */
export const stepCountBeside = (name: string): string | null =>
  /(^|\.)running_mean$/.test(name) ? name.replace(/running_mean$/, stepCount) : null;

/**
 * Returns a function that gives the names that a weight probably has in PyTorch, the most usual one first.
 *
 * "a/b/weight" is "a.b.weight". scale, shift, runningMean and runningVariance of a batch normalisation are weight, bias, running_mean and
 * running_var. If a convolution and its normalisation have one name in saturnn ("conv1"), PyTorch has two: conv1.conv and conv1.bn, or
 * conv1.0 and conv1.1, or conv1 and bn1.
 * @param names all names of the network in saturnn
 */
export function naturalNames(names: ReadonlySet<string>): (name: string) => string[] {
  return (name) => {
    const at = name.lastIndexOf('/');
    const [layer, part] = [name.slice(0, Math.max(0, at)), name.slice(at + 1)];
    const dotted = (text: string) => text.replaceAll('/', '.');
    const partOf = (module: string, theirs: string) => (module === '' ? theirs : `${module}.${theirs}`);
    const has = (other: string) => names.has(layer === '' ? other : `${layer}/${other}`);
    const module = dotted(layer);
    const isNormalized = has('runningMean');
    const isJoined = isNormalized && has('weight');
    if (isNormalized && Object.hasOwn(ofNormalization, part)) {
      const theirs = ofNormalization[part]!;
      const modules = isJoined ? [partOf(module, 'bn'), partOf(module, '1'), ...beside(module)] : [module];
      return modules.map((one) => partOf(one, theirs));
    }
    if (isJoined && Object.hasOwn(own, part))
      return [partOf(module, 'conv'), partOf(module, '0'), module].map((one) => partOf(one, own[part]!));
    return [dotted(name)];
  };
}

/** Returns the name of the normalisation that stands beside a convolution: "layer1.0.bn2" for "layer1.0.conv2". */
function beside(module: string): string[] {
  const at = module.lastIndexOf('.') + 1;
  const last = module.slice(at);
  return last.includes('conv') ? [module.slice(0, at) + last.replace('conv', 'bn')] : [];
}

/** Beginnings that wrappers of PyTorch give to every name: DataParallel, and torch.compile(). */
const wrappers = ['module.', '_orig_mod.'];

/** Returns what wrappers have put before all names; the empty text if they have not. */
export function wrapperOf(names: readonly string[]): string {
  let prefix = '';
  for (;;) {
    const found = names.length > 0 && wrappers.find((one) => names.every((name) => name.startsWith(prefix + one)));
    if (!found) return prefix;
    prefix += found;
  }
}
