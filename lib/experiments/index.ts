/** The public names of `require('saturnn/experiments')`. */
export {
  type Comparison,
  type EquivalenceOptions,
  type EquivalenceResult,
  equivalence,
  type RuleRun,
} from './equivalence';
export { equivalencePage } from './equivalenceReport';
