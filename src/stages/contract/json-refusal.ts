/**
 * What a caller is told when its JSON text is refused: one row a flaw, with the rejection's code and the words. It must
 * never repeat a value.
 */
import { type Rejection, rejection, type RejectionCode } from "../../pipeline/rejection.ts";
import type { JsonFinding, JsonFlaw } from "./json-finding.ts";

interface Row {
  readonly code: RejectionCode;
  readonly message: string;
}

const ROWS: Readonly<Record<JsonFlaw, Row>> = {
  malformed: { code: "contract.json_malformed", message: "is not JSON" },
  trailing_data: { code: "contract.json_malformed", message: "more follows the value" },
  byte_order_mark: { code: "contract.json_malformed", message: "begins with a byte order mark" },
  lone_surrogate: { code: "contract.json_malformed", message: "escapes half a surrogate pair" },
  number_out_of_range: {
    code: "contract.json_malformed",
    message: "a number is beyond the range of a double",
  },
  // RFC 9110 section 15.5.14: the content is larger than the gateway is willing to process.
  string_too_long: { code: "contract.json_value_too_long", message: "a string is too long" },
  key_too_long: { code: "contract.json_value_too_long", message: "a key is too long" },
  number_too_long: { code: "contract.json_value_too_long", message: "a number is too long" },
  too_deep: { code: "contract.json_too_deep", message: "is nested too deeply" },
  too_many_members: {
    code: "contract.json_too_many_members",
    message: "there are too many members and elements",
  },
  duplicate_key: { code: "contract.json_duplicate_key", message: "the key is repeated" },
  forbidden_key: { code: "contract.json_forbidden_key", message: "the key is not allowed" },
  invalid_utf8: { code: "contract.json_invalid_utf8", message: "is not UTF-8" },
};

/** The finding in words, for the operator: it names no key of the caller. */
export function describeFlaw({ flaw, offset }: JsonFinding): string {
  return `${ROWS[flaw].message}, at byte ${offset}`;
}

/** The rejection of a request whose body is not acceptable JSON. */
export function refuseJson(finding: JsonFinding): Rejection {
  const message = describeFlaw(finding);
  return rejection(ROWS[finding.flaw].code, {
    cause: message,
    violations: [{ pointer: finding.pointer, message }],
  });
}
