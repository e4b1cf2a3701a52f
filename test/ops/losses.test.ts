import { caseTable } from '../cases';
import { conformance } from './suite';

conformance(caseTable.losses ?? []);
