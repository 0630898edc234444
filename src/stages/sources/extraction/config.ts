/** `sources.extraction`: how callers that look like copying a model are found, and what then becomes of them. */
import { z } from "zod";
import { durationBetween, rate } from "../../../config/units.ts";

/** An hour: a copy of a model takes thousands of questions. Raised, slower ones are found, and mistakes weigh longer. */
const DEFAULT_WINDOW_MS = 3_600_000;
/** Callers and models watched at the same time, some 8 KiB each, and 12 for one that is suspected. */
const DEFAULT_MAX_PROFILES = 5_000;
const MAX_IGNORED = 64;

const score = z.number().min(0.3).max(1);

export const extractionSchema = z
  .strictObject({
    mode: z
      .enum(["on", "off"])
      .default("on")
      .describe(
        "Whether what callers ask of models is scored. By itself the score refuses nobody.",
      ),
    window: durationBetween("5m", "24h")
      .default(DEFAULT_WINDOW_MS)
      .describe("Time in which evidence fades to a third."),
    throttle: z
      .strictObject({
        at: score.describe("From this score on, such as 0.7."),
        to: rate.describe(
          "Requests that a caller may then make of the model, evenly spaced, such as 1/s.",
        ),
      })
      .optional()
      .describe("Slows callers down that look like copying a model. Default: nobody."),
    block: z
      .strictObject({
        at: score.describe("From this score on, such as 0.9."),
        for: durationBetween("1s", "24h").describe("How long the caller may not call the model."),
      })
      .optional()
      .describe("Shuts callers out that look like copying a model. Default: nobody."),
    ignore: z
      .array(z.string().min(1).max(128))
      .max(MAX_IGNORED)
      .default([])
      .describe(
        "Names of fields of the body that say nothing of the input, such as a sequence number. Times of now are left out anyway.",
      ),
    maxProfiles: z
      .int()
      .min(100)
      .max(1_000_000)
      .default(DEFAULT_MAX_PROFILES)
      .describe("Callers and models watched at the same time; the least suspicious give way."),
  })
  .refine(({ throttle, block }) => !throttle || !block || block.at >= throttle.at, {
    error: "`block` begins at a lower score than `throttle`",
    path: ["block", "at"],
  })
  .describe("Finds callers whose inputs look like an attempt to copy a model.");

export type ExtractionSection = z.output<typeof extractionSchema>;
