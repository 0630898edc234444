/** What the filter has to know of a rule to say that it cannot match: one head of a chain whose verdict depends on the value alone. */
import type { ByteString } from "../byte-string.ts";
import type { ByteSet } from "../regex/byte-set.ts";

export interface FilterRule {
  /** Position in the rule set; what the filter reports. */
  readonly index: number;
  /** The parts (bits of `PART`) whose entries the rule may read. */
  readonly parts: number;
  /** Number of the transformation chain, into the list that the filter is built with. */
  readonly chain: number;
  /** Lower case. One of these occurs in every matching transformed value, ASCII case ignored. Absent: nothing is known. */
  readonly literals?: readonly ByteString[];
  /**
   * As `literals`, of values without a `$`, once the marks that shells ignore are taken out (see `bareLiterals`). Give
   * them only if they are rarer.
   */
  readonly bareLiterals?: readonly ByteString[];
  /** Of each set a matching transformed value holds at least one byte. */
  readonly byteSets?: readonly ByteSet[];
  /** Whether the operator matches the transformed value. Pure; not called when literals or sets rule a match out. */
  readonly test: (value: ByteString) => boolean;
  /** Rules that share it ask the same of the same entries: where their chains make the same of a value, one is enough. */
  readonly family?: object;
  /** With selectors (`REQUEST_HEADERS:User-Agent`): whether the rule reads the member at all, by part and lower-case name. */
  readonly reads?: (part: number, lowerName: ByteString) => boolean;
}
