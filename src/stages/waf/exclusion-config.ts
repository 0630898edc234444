/** How an operator writes what rules do not look at: which rules, which place, for whom, and why. */
import { z } from "zod";

/** Ids and tags of one exclusion, and characters of a name. Each is compared with every rule at load. */
const MAX_EXCLUDED = 256;
const MAX_NAME_CHARS = 256;

/** `json.items.*.note`: `*` stands for one member or element. */
export const fieldPath: z.ZodString = z
  .string()
  .min(1)
  .max(MAX_NAME_CHARS)
  .regex(/^[^\s,|/"']+$/, {
    error: "not a field: write names with dots between them, such as json.items.*.note",
  });

export const exclusionSchema = z
  .strictObject({
    rules: z
      .array(
        z.union([
          z.int().min(1),
          z.string().regex(/^\d{1,10}-\d{1,10}$/, { error: 'not a range such as "942000-942999"' }),
        ]),
      )
      .max(MAX_EXCLUDED)
      .default([])
      .describe('Ids of rules, and ranges of them such as "942000-942999".'),
    tags: z
      .array(z.string().min(1).max(MAX_NAME_CHARS))
      .max(MAX_EXCLUDED)
      .default([])
      .describe("Tags of rules, such as `attack-sqli`."),
    field: fieldPath
      .optional()
      .describe("The field that these rules do not look at, such as `json.items.*.note`."),
    header: fieldPath.optional().describe("The request header that they do not look at."),
    cookie: fieldPath.optional().describe("The cookie that they do not look at."),
    route: z.string().min(1).optional().describe("Id of the one route it is for. Default: all."),
    caller: z.string().min(1).optional().describe("The one caller it is for. Default: all."),
    reason: z.string().max(1_000).optional().describe("Why, for whoever reads this next."),
  })
  .refine(({ rules: ids, tags }) => ids.length + tags.length > 0, {
    error: "names no rule: give ids or tags",
  })
  .refine(
    ({ field, header, cookie }) =>
      [field, header, cookie].filter((one) => one !== undefined).length < 2,
    { error: "field, header and cookie are one exclusion each" },
  );

export type Exclusion = z.output<typeof exclusionSchema>;
