/** The form in which requests are handed to the harness of libmodsecurity: fields in a row, each `LENGTH:BYTES`. */
import { writeFileSync } from "node:fs";
import type { BenchRequest } from "./requests.ts";

export function writeRequestFile(path: string, requests: readonly BenchRequest[]): void {
  const parts: Uint8Array[] = [];
  const add = (field: string | Uint8Array): void => {
    const bytes = typeof field === "string" ? Buffer.from(field, "latin1") : field;
    parts.push(Buffer.from(`${bytes.length}:`), bytes);
  };
  for (const { head, body } of requests) {
    for (const text of [head.method, head.target, head.protocol.replace(/^HTTP\//, "")]) add(text);
    add(String(head.headers.length));
    for (const field of head.headers.flat()) add(field);
    add(body);
  }
  writeFileSync(path, Buffer.concat(parts));
}
