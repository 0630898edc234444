/**
 * The operators by name; it must never hold one that guesses: a name that is not here is a load error.
 */
import { beginsWith } from "./begins-with.ts";
import { contains } from "./contains.ts";
import { containsWord } from "./contains-word.ts";
import { endsWith } from "./ends-with.ts";
import { eq } from "./eq.ts";
import { ge } from "./ge.ts";
import { gt } from "./gt.ts";
import { ipMatch } from "./ip-match.ts";
import { ipMatchFromFile } from "./ip-match-from-file.ts";
import { le } from "./le.ts";
import { lt } from "./lt.ts";
import { noMatch } from "./no-match.ts";
import type { OperatorCompiler } from "./operator.ts";
import { pm } from "./pm.ts";
import { pmFromFile } from "./pm-from-file.ts";
import { strEq } from "./str-eq.ts";
import { strMatch } from "./str-match.ts";
import { unconditionalMatch } from "./unconditional-match.ts";
import { neverFound, refused } from "./unsupported.ts";
import { validateByteRange } from "./validate-byte-range.ts";
import { validateUrlEncoding } from "./validate-url-encoding.ts";
import { validateUtf8Encoding } from "./validate-utf8-encoding.ts";
import { verifyCc } from "./verify-cc.ts";
import { verifyCpf } from "./verify-cpf.ts";
import { verifySsn } from "./verify-ssn.ts";
import { verifySvnr } from "./verify-svnr.ts";
import { within } from "./within.ts";

/** By lower-case name: operator names are not case-sensitive. */
export const OPERATORS: ReadonlyMap<string, OperatorCompiler> = new Map<string, OperatorCompiler>([
  ["beginswith", beginsWith],
  ["contains", contains],
  ["containsword", containsWord],
  ["endswith", endsWith],
  ["eq", eq],
  ["fuzzyhash", refused("fuzzy hashes of files are not computed")],
  ["ge", ge],
  ["geolookup", neverFound],
  ["gsblookup", refused("no lists are downloaded; keep one as a file and use @pmFromFile")],
  ["gt", gt],
  ["inspectfile", refused("no programs are run; inspect uploads behind the gateway")],
  ["ipmatch", ipMatch],
  ["ipmatchf", ipMatchFromFile],
  ["ipmatchfromfile", ipMatchFromFile],
  ["le", le],
  ["lt", lt],
  ["nomatch", noMatch],
  ["pm", pm],
  ["pmf", pmFromFile],
  ["pmfromfile", pmFromFile],
  ["rbl", neverFound],
  ["rsub", refused("bodies are never rewritten; match with @rx and deny")],
  ["streq", strEq],
  ["strmatch", strMatch],
  ["unconditionalmatch", unconditionalMatch],
  ["validatebyterange", validateByteRange],
  ["validatedtd", refused("document types are refused before rules run")],
  ["validatehash", refused("links of responses carry no hashes")],
  ["validateschema", refused("XML schemas are not applied; JSON bodies have the route's schema")],
  ["validateurlencoding", validateUrlEncoding],
  ["validateutf8encoding", validateUtf8Encoding],
  ["verifycc", verifyCc],
  ["verifycpf", verifyCpf],
  ["verifyssn", verifySsn],
  ["verifysvnr", verifySvnr],
  ["within", within],
]);
