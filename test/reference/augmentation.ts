/** References of batches of augmented images, and of images that are mixed. */
import type { Call, Rounding } from './rounding';
import { at, type ImageShape, imageShape, need, offset, type Shape, type Values, zeros } from './values';

/** A row of the table `places`: row = a h + b w + c, column = d h + e w + f. */
type Place = readonly [a: number, b: number, c: number, d: number, e: number, f: number];

/**
 * inputs: images u8 [M, SH, SW, C], indices [N], places [N, 6] or none, colours [N, 4] or none, mean [C] or [SH, SW, C], inverse
 * deviation [C].
 */
export function augment(inputs: readonly (Values | null)[], shape: Shape): Values {
  const [images, indices, places, colours, mean, inverseDeviation] = inputs as [
    ...[Values, Values, Values | null, Values | null, Values, Values],
  ];
  const source = imageShape(images.shape);
  const target = imageShape(shape);
  const [batch, height, width, channels] = target;
  const y = zeros(shape);
  for (let n = 0; n < batch; n++) {
    const image = at(indices.data, n);
    const place = places ? row<Place>(places, n, 6) : centre(source, target);
    const known = image >= 0 && image < source[0] && place.every(Number.isFinite);
    const picture = zeros([height, width, channels]);
    for (let h = 0; h < height; h++)
      for (let w = 0; w < width; w++) {
        const pixel = picture.data.subarray((h * width + w) * channels, (h * width + w + 1) * channels);
        if (known) sample({ images, mean, source, target }, image, place, h, w, pixel);
        else pixel.fill(Number.NaN);
      }
    if (colours && known) recolour(picture, mean, row(colours, n, 4));
    picture.data.forEach((value, i) => {
      y.data[n * picture.data.length + i] = value * at(inverseDeviation.data, i % channels);
    });
  }
  return y;
}

const row = <Row extends readonly number[]>({ data }: Values, n: number, columns: number): Row =>
  [...data.subarray(n * columns, (n + 1) * columns)] as readonly number[] as Row;

const centre = ([, sh, sw]: ImageShape, [, h, w]: ImageShape): Place => [
  ...([1, 0, Math.floor((sh - h) / 2)] as const),
  ...([0, 1, Math.floor((sw - w) / 2)] as const),
];

interface Source {
  readonly images: Values;
  readonly mean: Values;
  readonly source: ImageShape;
  readonly target: ImageShape;
}

/** Writes the channels of a pixel less the mean: a weighted mean over all pixels of the source, most of which have the weight 0. */
function sample(
  { images, mean, source, target }: Source,
  image: number,
  place: Place,
  h: number,
  w: number,
  pixel: Float64Array,
): void {
  const [, sourceHeight, sourceWidth] = source;
  const [, height, width] = target;
  const [a, b, top, d, e, left] = place;
  const upright = b === 0 && d === 0;
  const centreRow = a * h + b * w + top;
  const centreColumn = d * h + e * w + left;
  const rowWeights = weights(sourceHeight, centreRow, upright ? a : 1, upright ? covered(a, top, height) : null);
  const columnWeights = weights(sourceWidth, centreColumn, upright ? e : 1, upright ? covered(e, left, width) : null);
  let total = 0;
  for (let i = 0; i < sourceHeight; i++) {
    if (rowWeights[i] === 0) continue;
    for (let j = 0; j < sourceWidth; j++) {
      const weight = at(rowWeights, i) * at(columnWeights, j);
      if (weight === 0) continue;
      for (let c = 0; c < pixel.length; c++) {
        const average = at(mean.data, mean.shape.length === 3 ? offset(source, 0, i, j, c) : c);
        pixel[c] = at(pixel, c) + weight * (at(images.data, offset(source, image, i, j, c)) - average);
      }
      total += weight;
    }
  }
  if (upright && total > 0) for (let c = 0; c < pixel.length; c++) pixel[c] = at(pixel, c) / total;
}

/** The pixels that the whole result covers, whose edges lie at halves: [first, end). */
const covered = (scale: number, origin: number, length: number): [number, number] => {
  const edges = [origin - scale / 2, origin + (length - 0.5) * scale].map((edge) => Math.round(edge + 0.5));
  return [Math.min(...edges), Math.max(...edges)];
};

/** Weights that fall linearly with the distance from `centre`, to 0 at a distance of `scale`, or 1 if that is larger. */
function weights(length: number, centre: number, scale: number, range: readonly [number, number] | null): Float64Array {
  const support = Math.max(1, Math.abs(scale));
  const [first, end] = range ?? [0, length];
  const found = new Float64Array(length);
  for (let pixel = Math.max(0, first); pixel < Math.min(length, end); pixel++)
    found[pixel] = Math.max(0, 1 - Math.abs(pixel - centre) / support);
  return found;
}

const clamp = (value: number): number => Math.min(255, Math.max(0, value));
const greyOf = ([red = 0, green = 0, blue = 0]: readonly number[]): number =>
  0.2989 * red + 0.587 * green + 0.114 * blue;

/** Changes the colours of one image [height, width, channels] of pixels less their mean. */
function recolour(
  { data, shape }: Values,
  mean: Values,
  [brightness = 1, contrast = 1, saturation = 1, hue = 0]: readonly number[],
): void {
  const channels = at(shape, 2);
  const pixels = Array.from({ length: data.length / channels }, (_, p) =>
    Array.from({ length: channels }, (_, c) => clamp(brightness * (at(data, p * channels + c) + at(mean.data, c)))),
  );
  const grey = (pixel: readonly number[]) => (channels === 3 ? greyOf(pixel) : at(pixel, 0));
  const average = pixels.reduce((sum, pixel) => sum + grey(pixel), 0) / pixels.length;
  pixels.forEach((pixel, p) => {
    let changed = pixel.map((value) => clamp(contrast * value + (1 - contrast) * average));
    if (channels === 3) {
      const own = greyOf(changed);
      changed = shiftHue(
        changed.map((value) => clamp(saturation * value + (1 - saturation) * own)),
        hue,
      );
    }
    changed.forEach((value, c) => {
      data[p * channels + c] = value - at(mean.data, c);
    });
  });
}

/** By way of hue, saturation and value, as in Foley and van Dam's Computer Graphics. */
function shiftHue(pixel: readonly number[], turns: number): number[] {
  const [red, green, blue] = pixel as [number, number, number];
  const value = Math.max(...pixel);
  const range = value - Math.min(...pixel);
  if (range === 0) return [...pixel];
  const sixths =
    value === red ? (green - blue) / range : value === green ? 2 + (blue - red) / range : 4 + (red - green) / range;
  const hue = (((sixths / 6 + turns) % 1) + 1) % 1;
  const [sector, saturation] = [Math.floor(hue * 6), range / value];
  const fraction = hue * 6 - sector;
  const [p, q, t] = [1 - saturation, 1 - saturation * fraction, 1 - saturation * (1 - fraction)].map((x) => value * x);
  return [
    ...[
      [value, t, p],
      [q, value, p],
      [p, value, t],
      [p, q, value],
      [t, p, value],
      [value, p, q],
    ][sector % 6]!,
  ] as number[];
}

/** Distance in pixels by which f32 misplaces a point whose coordinates are sums of numbers of a few hundred. */
const misplaced = 2 ** -12;

/**
 * Error of (pixel - mean) * inverse deviation. If there is a mean per pixel, the largest one of the channel counts. A pixel between
 * others is misplaced a little, and its neighbours may differ by 255; changed colours multiply that.
 */
export const augmentRounding: Rounding = ({ inputs, outputs: [y] }: Call, { relative }) => {
  const [, , places, colours, mean, inverse] = inputs;
  const channels = need(inverse).data.length;
  const largestMean = new Float64Array(channels);
  need(mean).data.forEach((value, i) => {
    if (Math.abs(value) > at(largestMean, i % channels)) largestMean[i % channels] = Math.abs(value);
  });
  const batch = at(need(y).shape, 0);
  const isCopy = (n: number) =>
    !places || row<Place>(places, n, 6).every((value, i) => Number.isInteger(value) && (i % 3 === 2 || value ** 2 < 2));
  const steps = Array.from({ length: batch }, (_, n) => (isCopy(n) ? 0 : 255 * misplaced));
  const size = need(y).data.length / batch;
  return [
    need(y).data.map((want, i) => {
      const factor = Math.abs(at(need(inverse).data, i % channels));
      const moved = at(steps, Math.floor(i / size)) * factor * (colours ? 8 : 1);
      const pixel = (at(largestMean, i % channels) + (colours ? 16 * 255 : 0)) * factor;
      return relative * (Math.abs(want) + pixel) + moved;
    }),
  ];
};

/** x [N, H, W, C], mixes [N, 6]: partner, share, top, left, bottom, right. */
export function mix(x: Values, mixes: Values): Values {
  const shape = imageShape(x.shape);
  const [batch, height, width, channels] = shape;
  const y = { shape: x.shape, data: Float64Array.from(x.data) };
  for (let n = 0; n < batch; n++) {
    const [partner = 0, share = 0, top = 0, left = 0, bottom = 0, right = 0] = row<readonly number[]>(mixes, n, 6);
    for (let h = Math.max(0, top); h < Math.min(height, bottom); h++)
      for (let w = Math.max(0, left); w < Math.min(width, right); w++)
        for (let c = 0; c < channels; c++) {
          const own = share * at(x.data, offset(shape, n, h, w, c));
          const exists = Number.isInteger(partner) && partner >= 0 && partner < batch;
          const other = exists ? (1 - share) * at(x.data, offset(shape, partner, h, w, c)) : Number.NaN;
          y.data[offset(shape, n, h, w, c)] = own + (partner === -1 ? 0 : other);
        }
  }
  return y;
}

/** The error of a sum of two products. Where nothing is mixed, nothing is rounded. */
export const mixRounding: Rounding = ({ inputs: [x, mixes], outputs: [y] }, { relative }) => {
  const most = need(x).data.reduce(
    (size, value) => (Number.isFinite(value) ? Math.max(size, Math.abs(value)) : size),
    0,
  );
  const share = need(mixes).data.reduce((size, value, i) => (i % 6 === 1 ? Math.max(size, Math.abs(value)) : size), 1);
  return [need(y).data.map((want) => relative * (Math.abs(want) + 2 * (share + 1) * most))];
};
