/** The part of a pack that says which release it is and when it may be used. Whether it may be used now is asked elsewhere. */
import type { SourceNode } from "../../config/source-node.ts";
import type { Release } from "../pack.ts";
import type { Findings } from "./findings.ts";
import { Mapping, type PlacedText } from "./mapping.ts";

/** It stands in file names, records and metrics. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
/** As it is written in the file: `7.0`, `0x7` and `7e0` are 7 as well. */
const WHOLE_NUMBER = /^[1-9][0-9]{0,15}$/;
/** RFC 3339 section 5.6, in UTC. */
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?Z$/;
const BLAKE3 = /^[0-9a-f]{64}$/;

type ReleaseField = "name" | "version" | "not_before" | "expires" | "prev";

export function readRelease(node: SourceNode | undefined, findings: Findings): Release | undefined {
  const fields: Mapping<ReleaseField> | undefined =
    node &&
    Mapping.of(
      node,
      {
        what: "a release",
        required: ["name", "version", "not_before", "expires"],
        optional: ["prev"],
      },
      findings,
    );
  if (!fields) return undefined;
  const name = readName(fields.text("name"), findings);
  const version = readReleaseVersion(fields.node("version"), findings);
  const notBeforeMs = readInstant(fields.text("not_before"), findings);
  const expires = fields.text("expires");
  const expiresMs = readInstant(expires, findings);
  const prev = readPrev(fields.text("prev"), findings);
  if (name === undefined || version === undefined) return undefined;
  if (notBeforeMs === undefined || expiresMs === undefined || !expires) return undefined;
  if (expiresMs <= notBeforeMs) {
    const message = "the release expires before it begins";
    findings.add(expires.origin, { code: "pack.bad_release_time", message });
  }
  return { name, version, notBeforeMs, expiresMs, ...(prev !== undefined && { prev }) };
}

function readName(placed: PlacedText | undefined, findings: Findings): string | undefined {
  if (!placed || NAME.test(placed.text)) return placed?.text;
  findings.add(placed.origin, {
    code: "pack.bad_release_name",
    message: "the name of a release is 1 to 64 letters, digits, dots, hyphens and underscores",
  });
  return undefined;
}

function readReleaseVersion(node: SourceNode | undefined, findings: Findings): number | undefined {
  if (!node) return undefined;
  const isNumber = node.kind === "scalar" && typeof node.value === "number";
  const { origin } = node;
  const written =
    isNumber && origin.kind === "file" ? origin.source.text.slice(origin.start, origin.end) : "";
  if (WHOLE_NUMBER.test(written)) return Number(written);
  findings.add(origin, {
    code: "pack.bad_release_version",
    message: "the version of a release is a whole number from 1 on",
    hint: "write it in decimal digits, without quotes",
  });
  return undefined;
}

function readInstant(placed: PlacedText | undefined, findings: Findings): number | undefined {
  if (!placed) return undefined;
  const atMs = INSTANT.test(placed.text) ? Date.parse(placed.text) : Number.NaN;
  // Date.parse takes 30 February for 2 March.
  const isReal =
    !Number.isNaN(atMs) && new Date(atMs).toISOString().startsWith(placed.text.slice(0, 19));
  if (isReal) return atMs;
  findings.add(placed.origin, {
    code: "pack.bad_release_time",
    message: "not a time in UTC",
    hint: "write it as 2026-11-01T00:00:00Z",
  });
  return undefined;
}

function readPrev(placed: PlacedText | undefined, findings: Findings): string | undefined {
  if (!placed || BLAKE3.test(placed.text)) return placed?.text;
  findings.add(placed.origin, {
    code: "pack.bad_release_prev",
    message: "prev is not a BLAKE3-256 hash",
    hint: "write the 64 lower-case hexadecimal digits that identify the pack it replaces",
  });
  return undefined;
}
