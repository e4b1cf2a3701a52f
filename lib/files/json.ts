/** Reads JSON of files that may come from anywhere. */
import { readWhole } from './read';

/** Most arrays and objects within each other. What saturnn writes has fewer than 20. */
const deepest = 200;

/** Most bytes of a file of JSON or of a log: about as many as a string of Node.js can have characters. */
export const largestText = 2 ** 29 - 2 ** 10;

/**
 * Parses JSON that is not nested very deeply: to compare or to write deeper values again would exhaust the stack.
 * @throws SyntaxError, Error
 */
export function parseJson(text: string): unknown {
  checkDepth(text);
  return JSON.parse(text);
}

/** Reads a file of JSON. @throws Error that says what is wrong with file or content */
export const readJsonFile = (path: string): unknown => parseJson(readWhole(path, largestText).toString('utf8'));

const [quote, backslash, bracket, brace, endOfArray, endOfObject] = [...'"\\[{]}'].map((c) => c.charCodeAt(0));

function checkDepth(text: string): void {
  let depth = 0;
  let isInText = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (isInText) {
      if (code === backslash) at++;
      else if (code === quote) isInText = false;
    } else if (code === quote) isInText = true;
    else if (code === endOfArray || code === endOfObject) depth--;
    else if ((code === bracket || code === brace) && ++depth > deepest) {
      throw new Error(`it is nested more than ${deepest} levels deep`);
    }
  }
}
