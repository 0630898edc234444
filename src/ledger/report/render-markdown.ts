/** A document as Markdown (GitHub's tables). It must never let a value of the record become markup, HTML or a new line. */
import { visible, type Block, type Cell, type TableBlock } from "./document.ts";

const BAR_WIDTH = 20;

/** Markdown, ending in a line feed. */
export function renderMarkdown(blocks: readonly Block[]): string {
  return `${blocks.map(renderBlock).join("\n\n")}\n`;
}

function renderBlock(block: Block): string {
  switch (block.kind) {
    case "heading":
      return `${"#".repeat(block.level)} ${escapeWords(block.text)}`;
    case "sentence":
      return block.isWarning ? `**${escapeWords(block.text)}**` : escapeWords(block.text);
    case "table":
      return renderTable(block);
  }
}

function renderTable({ columns, rows }: TableBlock): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const isNumber = (column: number): boolean => typeof rows[0]?.[column] === "number";
  return [
    line(columns.map(escapeWords)),
    line(columns.map((_, column) => (isNumber(column) ? "---:" : "---"))),
    ...rows.map((row) => line(row.map(renderCell))),
  ].join("\n");
}

function renderCell(cell: Cell): string {
  if (typeof cell === "number") return String(cell);
  if ("share" in cell) return "█".repeat(Math.max(1, Math.round(cell.share * BAR_WIDTH)));
  return "words" in cell ? escapeWords(cell.words) : escapeValue(cell.value);
}

/** Letters, digits and what times, hashes, paths and ordinary names are made of, without a space at either end. */
const TAME = /^[\w.:@/+=,%-](?:[\w .:@/+=,%-]*[\w.:@/+=,%-])?$/;

/**
 * A value that holds nothing special is code, as it is. In any other every ASCII punctuation character is escaped with a
 * backslash (CommonMark 0.31 section 2.4), and so is none of them markup, nor part of a link that some readers make of
 * anything that looks like one.
 */
function escapeValue(text: string): string {
  if (TAME.test(text)) return `\`${text}\``;
  return escapeBrackets(
    visible(text).replaceAll(/[!-/:-@[-`{-~]/g, (mark) =>
      "&<>".includes(mark) ? mark : `\\${mark}`,
    ),
  );
}

/** Words are ours, but may hold a name. */
const escapeWords = (text: string): string =>
  escapeBrackets(visible(text).replaceAll(/[\\`*_[\]|~#]/g, (mark) => `\\${mark}`));

/** As character references, because not every reader of Markdown leaves HTML alone. */
const escapeBrackets = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
