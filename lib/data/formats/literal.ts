/** Parses the literals of Python that are in the headers of npy files: dicts, tuples, lists, texts, integers, True, False, None. */

/** A parsed literal: a tuple or list is an array, a dict is a Map. */
export type Literal = string | number | boolean | null | readonly Literal[] | ReadonlyMap<string, Literal>;

/** Most literals within each other. */
const deepest = 16;

const words: Readonly<Record<string, Literal>> = { True: true, False: false, None: null };

/** Parses one literal. @throws Error that says what was expected, and where */
export function parseLiteral(text: string): Literal {
  const parser = new LiteralParser(text);
  const value = parser.value(0);
  parser.end();
  return value;
}

class LiteralParser {
  #at = 0;

  constructor(private readonly text: string) {}

  value(depth: number): Literal {
    if (depth > deepest) throw this.#fail(`fewer than ${deepest} literals within each other`);
    const start = this.#next();
    if (start === '{') return this.#dict(depth);
    if (start === '(' || start === '[') return this.#list(start === '(' ? ')' : ']', depth);
    if (start === "'" || start === '"') return this.#string(start);
    const word = /^(?:[A-Za-z]+|\d{1,16}(?=L?\b)L?)/.exec(this.text.slice(this.#at, this.#at + 20))?.[0] ?? '';
    const literal = Object.hasOwn(words, word) ? words[word] : /^\d/.test(word) ? Number.parseInt(word, 10) : undefined;
    if (literal === undefined) throw this.#fail('a literal of Python');
    this.#at += word.length;
    return literal;
  }

  end(): void {
    if (this.#next() !== '') throw this.#fail('the end');
  }

  /** Skips spaces and returns the character that follows. */
  #next(): string {
    while (/^[ \t\r\n]/.test(this.text[this.#at] ?? '')) this.#at++;
    return this.text[this.#at] ?? '';
  }

  #take(character: string): boolean {
    if (this.#next() !== character) return false;
    this.#at++;
    return true;
  }

  #require(character: string): void {
    if (!this.#take(character)) throw this.#fail(`"${character}"`);
  }

  #list(close: string, depth: number): Literal[] {
    this.#at++;
    const items: Literal[] = [];
    while (!this.#take(close)) {
      items.push(this.value(depth + 1));
      if (this.#take(',')) continue;
      this.#require(close);
      break;
    }
    return items;
  }

  #dict(depth: number): Map<string, Literal> {
    this.#at++;
    const entries = new Map<string, Literal>();
    while (!this.#take('}')) {
      const quote = this.#next();
      if (quote !== "'" && quote !== '"') throw this.#fail('a text as key');
      const key = this.#string(quote);
      this.#require(':');
      entries.set(key, this.value(depth + 1));
      if (this.#take(',')) continue;
      this.#require('}');
      break;
    }
    return entries;
  }

  #string(quote: string): string {
    const end = this.text.indexOf(quote, this.#at + 1);
    if (end < 0) throw this.#fail(`a closing ${quote}`);
    const text = this.text.slice(this.#at + 1, end);
    if (text.includes('\\')) throw this.#fail('a text without backslash');
    this.#at = end + 1;
    return text;
  }

  #fail(expected: string): Error {
    return new Error(`expected ${expected} at character ${this.#at}`);
  }
}
