/** The public names of `require('saturnn/experiments')`. */
export {
  describeLayerRates,
  type LayerRate,
  type LayerRateOptions,
  type LayerRateRule,
  layerFactors,
  layerRates,
  parseLayerRates,
} from './layerRates';
