/** Checks the package's types for weights of other programs, where modules are resolved in any way. */
import {
  type ConvertWeightsOptions,
  convertWeights,
  type MissingWeight,
  type Model,
  type NamedTensor,
  openSafetensors,
  readSafetensors,
  readWeightMap,
  type StoredTensor,
  type TensorDType,
  type TensorFile,
  type TensorInfo,
  toFloat32,
  type WeightMap,
  type WeightsReport,
  writeSafetensors,
} from 'saturnn';

export function read(path: string): Float32Array[] {
  const file: TensorFile = openSafetensors(path);
  const infos: TensorInfo[] = [...file.tensors.values()];
  const dtypes: TensorDType[] = infos.map(({ dtype }) => dtype);
  const tensors: StoredTensor[] = [...file.tensors.keys()].map((name) => file.read(name));
  const half: NamedTensor = { shape: [1], data: Uint16Array.of(0x3c00), dtype: dtypes[0] ?? 'F16' };
  writeSafetensors(path, { tensors: new Map([['half', half]]), metadata: {} });
  const stored: TensorDType | undefined = readSafetensors(path).tensors.get('half')?.dtype;
  return [...tensors, half].filter(({ dtype }) => dtype !== stored).map(toFloat32);
}

export function convert(model: Model): readonly MissingWeight[] {
  const rules: WeightMap = readWeightMap('map.json');
  const map: WeightMap = (name, shape) => (shape.length === 4 ? { name, layout: 'flattened 3x4x5' } : null);
  const options: ConvertWeightsOptions = { to: 'saturnn', model, map, dtype: 'bf16', imageMean: [0, 0, 0] };
  const report: WeightsReport = convertWeights('a', 'b', options);
  // @ts-expect-error: no layout
  const wrong: WeightMap = [{ saturnn: 'a', pytorch: 'a', layout: 'oihw' }];
  convertWeights('a', null, { to: 'pytorch', map: [...(Array.isArray(rules) ? rules : []), ...(wrong as [])] });
  return report.missing;
}
