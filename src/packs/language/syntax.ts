/** A rule as it was written, with places, before anything is known about types. */

/** `at` is the UTF-16 offset into the rule. */
export type Syntax =
  | { readonly kind: "operand"; readonly operand: OperandSyntax; readonly at: number }
  | {
      readonly kind: "compare";
      readonly operator: string;
      readonly left: OperandSyntax;
      readonly right: OperandSyntax;
      readonly at: number;
    }
  | { readonly kind: "not"; readonly of: Syntax; readonly at: number }
  | { readonly kind: "and" | "or"; readonly of: readonly Syntax[]; readonly at: number };

export type OperandSyntax =
  | { readonly kind: "field"; readonly name: string; readonly at: number }
  | { readonly kind: "literal"; readonly value: boolean | number | string; readonly at: number }
  | { readonly kind: "list"; readonly items: readonly OperandSyntax[]; readonly at: number }
  | { readonly kind: "now"; readonly at: number };
