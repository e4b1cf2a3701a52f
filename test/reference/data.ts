/** References of tensors that are packed in a flat buffer and taken out. */
import { type Attributes, type Shape, type Values, zeros } from './values';

/** Copies each input to its offset in a flat buffer. Elements that no input covers are 0. */
export function pack(inputs: readonly Values[], attributes: Attributes, shape: Shape): Values {
  const flat = zeros(shape);
  inputs.forEach((values, index) => {
    flat.data.set(values.data, attributes[`offset${index}`]);
  });
  return flat;
}

/** Returns the rows from `firstRow` on, as many as `shape` has. */
export function rows({ data }: Values, rowSize: number, { firstRow = 0 }: Attributes, shape: Shape): Values {
  const begin = firstRow * rowSize;
  return { shape, data: data.slice(begin, begin + zeros(shape).data.length) };
}
