/**
 * A document as one HTML file: no script, nothing fetched, fit for printing. It must never let a value of the record
 * become markup; its own policy forbids the browser what an escape that was forgotten would allow.
 */
import { visible, type Block, type Cell, type TableBlock } from "./document.ts";

const STYLE = `
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.25rem; margin-top: 2.5rem; border-bottom: 1px solid #8888; }
h3 { font-size: 1rem; margin-top: 1.5rem; }
table { border-collapse: collapse; margin: .5rem 0; }
th, td { text-align: left; vertical-align: top; padding: .2rem .8rem .2rem 0; border-bottom: 1px solid #8884; }
th { font-weight: 600; } td.number { text-align: right; font-variant-numeric: tabular-nums; }
code { font: .9em ui-monospace, monospace; overflow-wrap: anywhere; white-space: pre-wrap; }
.warning { border-left: .3rem solid #c00; padding-left: .8rem; font-weight: 600; }
.bar { min-width: 12rem; } .bar i { display: block; height: .9em; background: #678; }
@media print { body { margin: 0; max-width: none; font-size: 10pt; } thead { display: table-header-group; }
  tr { break-inside: avoid; } h2, h3 { break-after: avoid; }
  .bar i { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
`;

const POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/** A whole page. */
export function renderHtml(blocks: readonly Block[]): string {
  const title = blocks.find((block) => block.kind === "heading")?.text ?? "";
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width">
<meta name="referrer" content="no-referrer">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
${blocks.map(renderBlock).join("\n")}
</body>
</html>
`;
}

function renderBlock(block: Block): string {
  switch (block.kind) {
    case "heading":
      return `<h${block.level}>${escapeHtml(block.text)}</h${block.level}>`;
    case "sentence":
      return `<p${block.isWarning ? ' class="warning"' : ""}>${escapeHtml(block.text)}</p>`;
    case "table":
      return renderTable(block);
  }
}

function renderTable({ columns, rows }: TableBlock): string {
  const head = columns.some((column) => column !== "")
    ? `<thead><tr>${columns.map((column) => `<th>${escapeHtml(column)}</th>`).join("")}</tr></thead>\n`
    : "";
  const body = rows.map((row) => `<tr>${row.map(renderCell).join("")}</tr>`).join("\n");
  return `<table>\n${head}<tbody>\n${body}\n</tbody>\n</table>`;
}

function renderCell(cell: Cell): string {
  if (typeof cell === "number") return `<td class="number">${cell}</td>`;
  if ("share" in cell)
    return `<td class="bar"><i style="width:${(cell.share * 100).toFixed(1)}%"></i></td>`;
  return "words" in cell
    ? `<td>${escapeHtml(cell.words)}</td>`
    : `<td><code>${escapeHtml(cell.value)}</code></td>`;
}

/** Safe in text and in quoted attributes. What would turn or hide the text around it is written as its number. */
function escapeHtml(text: string): string {
  return visible(text)
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}
