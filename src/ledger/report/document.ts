/** A report as headings, sentences and tables, before it is Markdown or HTML. Text here is plain; renderers escape it. */

export type Block =
  | { readonly kind: "heading"; readonly level: 1 | 2 | 3; readonly text: string }
  | { readonly kind: "sentence"; readonly text: string; readonly isWarning?: boolean }
  | TableBlock;

export interface TableBlock {
  readonly kind: "table";
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

/**
 * A number; words of ours; a value from the record, shown so that nobody takes it for words of ours; or a bar of 0 to 1.
 */
export type Cell =
  | number
  | { readonly words: string }
  | { readonly value: string }
  | { readonly share: number };

export const words = (text: string): Cell => ({ words: text });
export const value = (text: string): Cell => ({ value: text });

/** Writes as its number whatever moves lines, turns their direction or cannot be seen (Unicode categories C, Zl, Zp). */
export const visible = (text: string): string =>
  text.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, (hidden) => {
    const code = (hidden.codePointAt(0) ?? 0).toString(16).toUpperCase();
    return `[U+${code.padStart(4, "0")}]`;
  });
