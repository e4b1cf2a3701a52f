// Opens or probes a backend through the addon, in this process, and prints the result as one line of JSON.
const [addonPath, action, options] = process.argv.slice(2);
const addon = require(addonPath);
let outcome;
try {
  const result = addon[action](JSON.parse(options));
  outcome = { result: typeof result === 'string' ? JSON.parse(result) : 'opened' };
} catch (error) {
  outcome = { code: error.code, message: error.message };
}
console.log(JSON.stringify(outcome));
