/** The functions that make augmentations, for `augmentations` of the package. */
export {
  colourJitter,
  crop,
  cutmix,
  erasing,
  flip,
  formatAugmentation as format,
  mirror,
  mixup,
  paperAugmentation as paper,
  parseAugmentation as parse,
  resizedCrop,
  rotation,
} from './kinds';
