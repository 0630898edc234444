/** A ledger line as a syslog message (RFC 5424), framed by its length (RFC 5425 section 4.3). The line is never changed. */
import { isAscii } from "node:buffer";
import { severityOf, summaryOf, type LineSeverity } from "./line-summary.ts";
import type { TailLine } from "./durable-tail.ts";

/** RFC 5424 table 1: "log audit". */
export const DEFAULT_SYSLOG_FACILITY = 13;

/** RFC 5424 table 2. */
const SEVERITIES: Readonly<Record<LineSeverity, number>> = {
  alert: 1,
  error: 3,
  warning: 4,
  notice: 5,
  info: 6,
};

/** RFC 5612: the number reserved for examples. Portcullis has none of its own. */
export const DEFAULT_ENTERPRISE_NUMBER = 32_473;

export interface SyslogHeader {
  /** 0 to 23. Default 13. */
  readonly facility?: number;
  readonly hostname: string;
  /** Default `portcullis`. */
  readonly appName?: string;
  readonly processId: number;
  /** Stands in the name of the structured data, `portcullis@<number>`. Default 32473. */
  readonly enterpriseNumber?: number;
}

/** U+FEFF: marks a message in UTF-8 (RFC 5424 section 6.4). */
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/** `MSG-LEN SP SYSLOG-MSG`. */
export function syslogFrame(entry: TailLine, header: SyslogHeader): Buffer {
  const { line, bytes } = entry;
  const priority = (header.facility ?? DEFAULT_SYSLOG_FACILITY) * 8 + SEVERITIES[severityOf(line)];
  const head = [
    // TIMESTAMP has at most six digits of a second: the line's own.
    `<${priority}>1 ${line.ts}`,
    nameOf(header.hostname, 255),
    nameOf(header.appName ?? "portcullis", 48),
    header.processId,
    nameOf(line.kind, 32),
    structuredDataOf(entry, header.enterpriseNumber ?? DEFAULT_ENTERPRISE_NUMBER),
    "",
  ].join(" ");
  // Plain ASCII needs no mark, and parsers of JSON stumble over it.
  const mark = isAscii(bytes) ? Buffer.alloc(0) : BYTE_ORDER_MARK;
  const message = Buffer.concat([Buffer.from(head, "utf8"), mark, bytes]);
  return Buffer.concat([Buffer.from(`${message.length} `, "latin1"), message]);
}

function structuredDataOf({ line }: TailLine, enterpriseNumber: number): string {
  const parameters = Object.entries(summaryOf(line))
    .map(([name, value]) => ` ${name}="${escape(String(value))}"`)
    .join("");
  return `[portcullis@${enterpriseNumber}${parameters}]`;
}

/** RFC 5424 section 6.3.3: `"`, `\` and `]` MUST be escaped in a value. */
const escape = (value: string): string => value.replaceAll(/["\\\]]/g, "\\$&");

/** The names of the header are printable ASCII (RFC 5424 section 6); nothing is a dash. */
function nameOf(text: string, limitChars: number): string {
  return text.replaceAll(/[^\x21-\x7e]/g, "_").slice(0, limitChars) || "-";
}
