/** What an operator may say about masking: which parts of an answer a caller never sees, by place or by name. */
import { z } from "zod";

/** What stands where a masked value stood. */
const DEFAULT_REPLACEMENT = "***";
/** Pointers and fields of one route. Each is compared at every member of an answer. */
const MASK_RULES = 256;

/** RFC 6901, never the whole document; a token `*` stands for every member or element. */
const POINTER = /^(?:\/(?:[^~/]|~[01])*)+$/;

const pointer = z
  .string()
  .max(1_024)
  .regex(POINTER, {
    error: 'not a JSON pointer: begin with "/", write "~" as "~0" and "/" within a name as "~1"',
  })
  .refine((text) => !text.split("/").includes("-"), {
    error: '"-" names no element of an answer; write "*" for all of them',
  });

/** A route's `mask` section. */
export const maskSchema = z
  .strictObject({
    pointers: z
      .array(pointer)
      .max(MASK_RULES)
      .default([])
      .describe(
        "JSON pointers (RFC 6901) of the values to mask; `*` stands for every member or element, as in `/items/*/iban`.",
      ),
    fields: z
      .array(z.string().min(1).max(256))
      .max(MASK_RULES)
      .default([])
      .describe("Names of members to mask at any depth, compared exactly after unescaping."),
    action: z
      .enum(["replace", "remove"])
      .default("replace")
      .describe(
        "`replace` puts the replacement where the value stood; `remove` leaves the member or element out.",
      ),
    replacement: z
      .string()
      .max(256)
      .default(DEFAULT_REPLACEMENT)
      .describe("The text that stands where a masked value stood."),
  })
  .refine(({ pointers, fields }) => pointers.length + fields.length > 0, {
    error: "masks nothing: name at least one pointer or field, or leave the section out",
  })
  .describe("What callers of this route never see of an answer.");

export type MaskRules = z.output<typeof maskSchema>;

export interface MaskingConfig {
  /** By route id; a route that is not here is not masked. */
  readonly routes: ReadonlyMap<string, MaskRules>;
}
