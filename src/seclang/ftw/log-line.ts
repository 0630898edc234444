/** The line that ModSecurity would write for a rule that matched, as far as tests search in it; never meant for a log of ours. */
import type { ByteString } from "../byte-string.ts";
import type { MatchedRule } from "../transaction/report.ts";

const SEVERITIES = [
  "EMERGENCY",
  "ALERT",
  "CRITICAL",
  "ERROR",
  "WARNING",
  "NOTICE",
  "INFO",
  "DEBUG",
];

/** Undefined for a rule that writes none (`nolog`). */
export function logLine(rule: MatchedRule): ByteString | undefined {
  if (!rule.isLogged) return undefined;
  const targets = rule.hits.map(({ target }) => target).join(", ");
  const fields: [name: string, value: ByteString | number | undefined][] = [
    ["file", rule.file],
    ["line", rule.line],
    ["id", rule.id],
    ["msg", rule.message === "" ? undefined : rule.message],
    ["data", rule.data === "" ? undefined : rule.data],
    ["severity", rule.severity === undefined ? undefined : SEVERITIES[rule.severity]],
    ...rule.tags.map((tag): [string, ByteString] => ["tag", tag]),
  ];
  const written = fields
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` [${name} "${escaped(`${value}`)}"]`);
  return `ModSecurity: Warning. Matched at ${escaped(targets)}.${written.join("")}`;
}

const NAMED: Readonly<Record<string, string>> = {
  "\b": String.raw`\b`,
  "\n": String.raw`\n`,
  "\r": String.raw`\r`,
  "\t": String.raw`\t`,
  "\v": String.raw`\v`,
  '"': String.raw`\"`,
  "\\": String.raw`\\`,
};

/** As in ModSecurity 2: quotes and back slashes escaped, all bytes outside of printable ASCII in hex. */
function escaped(text: ByteString): ByteString {
  return text.replace(
    /[^ !#-[\]-~]/g,
    (byte) => NAMED[byte] ?? String.raw`\x${byte.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}
