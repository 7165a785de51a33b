import { type Condition, ConditionError, type NameComparison } from './condition.ts';
import { type Token, type TokenKind, tokenize } from './condition-tokens.ts';

/** Azure takes 8 KB. */
const maxLength = 16 * 1024;
const maxDepth = 100;

const repositoryName = '@request[microsoft.containerregistry/registries/repositories:name]';
const operatorPattern =
  /^(?:(forany|forall)of(any|all)values:)?string(not)?(equals|startswith|like)(ignorecase)?$/;
const tests: Readonly<Record<string, NameComparison['test']>> = {
  equals: 'equals',
  startswith: 'starts-with',
  like: 'like',
};

/**
 * Parses a condition. Throws ConditionError for what is not in the language and for AND beside OR
 * without parentheses, whose order is not documented; a comparison that is about something else
 * than the repository's name is well formed and `unknown`.
 */
export function parseCondition(text: string): Condition {
  if (text.length > maxLength) throw new ConditionError(`is longer than ${maxLength} characters`);
  return new Parser(text).parse();
}

interface Operand {
  /** Undefined for a set. */
  readonly single: Token | undefined;
  readonly values: readonly Token[];
  readonly end: number;
}

class Parser {
  readonly #text: string;
  readonly #tokens: readonly Token[];
  #next = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
    this.#tokens = tokenize(text);
  }

  parse(): Condition {
    const condition = this.#expression();
    this.#take('end');
    return condition;
  }

  #expression(): Condition {
    const operands = [this.#operand()];
    const joiner = this.#peek().kind;
    if (joiner !== 'and' && joiner !== 'or') return operands[0] ?? this.#fail('an expression');
    while (this.#peek().kind === joiner) {
      this.#take(joiner);
      operands.push(this.#operand());
    }
    if (['and', 'or'].includes(this.#peek().kind)) {
      throw new ConditionError('has AND beside OR without parentheses');
    }
    return { kind: joiner, operands };
  }

  #operand(): Condition {
    this.#depth += 1;
    if (this.#depth > maxDepth) throw new ConditionError('is nested too deeply');
    const condition = this.#operandWithin();
    this.#depth -= 1;
    return condition;
  }

  #operandWithin(): Condition {
    const { kind, text } = this.#peek();
    if (kind === 'not') {
      this.#take('not');
      return { kind: 'not', operand: this.#operand() };
    }
    if (kind === '(') {
      this.#take('(');
      const inner = this.#expression();
      this.#take(')');
      return inner;
    }
    if (kind !== 'word') return this.#comparison();
    switch (text.toLowerCase()) {
      case 'actionmatches':
        return { kind: 'action-matches', pattern: this.#functionArgument() };
      case 'suboperationmatches':
        this.#functionArgument();
        return { kind: 'sub-operation-matches' };
      case 'exists':
        return this.#existence();
      default:
        return this.#comparison();
    }
  }

  #functionArgument(): string {
    this.#take('word');
    this.#take('{');
    const { text } = this.#take('string');
    this.#take('}');
    return text;
  }

  #existence(): Condition {
    const { start } = this.#take('word');
    const { end } = this.#take('attribute');
    return { kind: 'unknown', text: this.#text.slice(start, end) };
  }

  #comparison(): Condition {
    const { start } = this.#peek();
    const left = this.#value();
    const operator = this.#take('word').text;
    const right = this.#value();
    return (
      comparisonOfName(left, operator, right) ?? {
        kind: 'unknown',
        text: this.#text.slice(start, right.end),
      }
    );
  }

  /** An attribute, a string, a bare word (a number, a GUID, true), or a set of strings or words. */
  #value(): Operand {
    const { kind } = this.#peek();
    if (kind === 'attribute' || kind === 'string' || kind === 'word') {
      const token = this.#take(kind);
      return { single: token, values: [token], end: token.end };
    }
    this.#take('{');
    const values = [this.#element()];
    while (this.#peek().kind === ',') {
      this.#take(',');
      values.push(this.#element());
    }
    return { single: undefined, values, end: this.#take('}').end };
  }

  #element(): Token {
    return this.#take(this.#peek().kind === 'word' ? 'word' : 'string');
  }

  #peek(): Token {
    return this.#tokens[this.#next] ?? this.#fail('the end');
  }

  #take(kind: TokenKind): Token {
    const token = this.#peek();
    if (token.kind !== kind) return this.#fail(kind);
    this.#next += 1;
    return token;
  }

  #fail(wanted: string): never {
    const token = this.#tokens[this.#next];
    const found = token === undefined || token.kind === 'end' ? 'ends' : `has "${token.text}"`;
    throw new ConditionError(`${found} where it needs ${wanted}`);
  }
}

/** Undefined when the comparison is not one of the repository's name with strings. */
function comparisonOfName(
  left: Operand,
  operator: string,
  right: Operand,
): NameComparison | undefined {
  if (left.single?.kind !== 'attribute') return undefined;
  if (left.single.text.toLowerCase() !== repositoryName) return undefined;
  const match = operatorPattern.exec(operator.toLowerCase());
  const test = tests[match?.[4] ?? ''];
  if (match === null || test === undefined) return undefined;
  if (right.values.some(({ kind }) => kind !== 'string')) return undefined;
  // Azure compares with a set only by an operator that says how.
  const quantified = match[1] !== undefined;
  if (!quantified && right.single === undefined) return undefined;
  return {
    kind: 'name',
    test,
    ignoreCase: match[5] !== undefined,
    negated: match[3] !== undefined,
    values: right.values.map(({ text }) => text),
    // A request names one repository, so how many values on the left must match makes no
    // difference.
    quantifier: match[2] === 'all' ? 'every' : 'some',
  };
}
