/** An expression; operators are kept as their operands only, which is all the checks need. */
export type Expression =
  | { readonly kind: 'string'; readonly parts: readonly (string | Expression)[] }
  | { readonly kind: 'literal'; readonly value: number | boolean | null }
  | { readonly kind: 'object'; readonly properties: readonly Property[] }
  | { readonly kind: 'array'; readonly items: readonly Expression[] }
  | { readonly kind: 'name'; readonly name: string }
  | {
      readonly kind: 'member';
      readonly object: Expression;
      readonly property: string;
      /** With `.?` or after `!`: the object may be missing. */
      readonly guarded: boolean;
    }
  | { readonly kind: 'index'; readonly object: Expression; readonly index: Expression }
  | { readonly kind: 'call'; readonly name: string; readonly arguments: readonly Expression[] }
  | {
      readonly kind: 'operation';
      readonly operator: string;
      readonly operands: readonly Expression[];
    }
  | { readonly kind: 'lambda'; readonly parameters: readonly string[]; readonly body: Expression }
  | {
      readonly kind: 'for';
      readonly variables: readonly string[];
      readonly over: Expression;
      readonly body: Expression;
    }
  | { readonly kind: 'if'; readonly condition: Expression; readonly body: Expression };

export interface Property {
  /** Undefined: the name is computed. */
  readonly name: string | undefined;
  readonly key: Expression;
  readonly value: Expression;
}

export interface Decorator {
  readonly name: string;
  readonly arguments: readonly Expression[];
}

export interface Declaration {
  readonly name: string;
  readonly decorators: readonly Decorator[];
}

export interface TypedDeclaration extends Declaration {
  /** As written. */
  readonly type: string;
  /** Names of types of ours in it. */
  readonly typeNames: readonly string[];
  /** Of an object type, its properties. */
  readonly properties: readonly TypedDeclaration[];
}

export interface Parameter extends TypedDeclaration {
  readonly fallback: Expression | undefined;
}

export interface Valued extends Declaration {
  readonly value: Expression;
}

export interface Output extends TypedDeclaration {
  readonly value: Expression;
}

export interface Resource extends Valued {
  readonly type: string;
  readonly apiVersion: string;
  readonly existing: boolean;
}

export interface Module extends Valued {
  readonly source: string;
}

export interface Import {
  readonly from: string;
  readonly names: readonly string[];
}

export interface Template {
  readonly path: string;
  readonly text: string;
  readonly hasErrors: boolean;
  readonly targetScope: string;
  readonly imports: readonly Import[];
  readonly parameters: readonly Parameter[];
  readonly variables: readonly Valued[];
  readonly types: readonly TypedDeclaration[];
  readonly resources: readonly Resource[];
  readonly modules: readonly Module[];
  readonly outputs: readonly Output[];
}
