/** What the `constitution` section refuses at load, and what it is when little is said. */
import { describe, expect, test } from "vitest";
import { constitutionSchema } from "./config.ts";

const PACK_JSON = {
  signature: "file:pack.json",
  rules: "file:policy.yaml",
  form: "pack_json",
  keys: ["env:POLICY_PUBKEY_PEM_B64"],
};
const ENVELOPE = {
  signature: "file:release.dsse.json",
  form: "dsse",
  keys: ["file:a.pub", "file:b.pub"],
  threshold: 2,
};

const problems = (section: object): string[] =>
  (constitutionSchema.safeParse(section).error?.issues ?? []).map(
    ({ path, message }) => `${path.join(".")}: ${message}`,
  );

describe("the constitution section", () => {
  test("the defaults are safe and stated", () => {
    expect(constitutionSchema.parse(PACK_JSON)).toEqual({
      signature: { kind: "file", path: "pack.json" },
      rules: { kind: "file", path: "policy.yaml" },
      form: "pack_json",
      keys: [{ kind: "env", name: "POLICY_PUBKEY_PEM_B64" }],
      threshold: 1,
      acknowledge: [],
      state: "constitution-state.json",
    });
    expect(constitutionSchema.parse({ ...PACK_JSON, breakGlass: {} }).breakGlass).toEqual({
      maxTtl: 900_000,
      state: "breakglass-state.json",
    });
  });

  test.each([
    { name: "an envelope with a threshold", section: ENVELOPE },
    { name: "a canary by share", section: { ...ENVELOPE, canary: { share: "5%" } } },
    { name: "a canary by group alone", section: { ...ENVELOPE, canary: { groups: ["pilots"] } } },
    {
      name: "an acknowledged finding",
      section: { ...PACK_JSON, acknowledge: ["open_allow:allow_public_warmup"] },
    },
    {
      name: "break-glass that two must want",
      section: { ...PACK_JSON, breakGlass: { maxTtl: "5m", approvers: ["file:ops.pub"] } },
    },
  ])("$name is taken", ({ section }) => {
    expect(problems(section)).toEqual([]);
  });

  test.each([
    { name: "no form", section: { ...PACK_JSON, form: undefined }, at: "form" },
    { name: "no key", section: { ...PACK_JSON, keys: [] }, at: "keys" },
    {
      name: "a key in the configuration itself",
      section: { ...PACK_JSON, keys: ["-----BEGIN PUBLIC KEY-----"] },
      at: "keys.0",
    },
    { name: "pack.json without rules", section: { ...PACK_JSON, rules: undefined }, at: "rules" },
    { name: "an envelope with rules", section: { ...ENVELOPE, rules: "file:x" }, at: "rules" },
    {
      name: "a threshold for pack.json",
      section: { ...PACK_JSON, keys: ["file:a", "file:b"], threshold: 2 },
      at: "threshold",
    },
    {
      name: "more signatures than keys",
      section: { ...ENVELOPE, threshold: 3 },
      at: "threshold",
    },
    { name: "a threshold of none", section: { ...ENVELOPE, threshold: 0 }, at: "threshold" },
    { name: "a canary for nobody", section: { ...ENVELOPE, canary: {} }, at: "canary" },
    {
      name: "a canary of no share",
      section: { ...ENVELOPE, canary: { share: "0%" } },
      at: "canary",
    },
    {
      name: "break-glass for an hour",
      section: { ...ENVELOPE, breakGlass: { maxTtl: "1h" } },
      at: "breakGlass.maxTtl",
    },
    {
      name: "break-glass by the approval of nobody",
      section: { ...ENVELOPE, breakGlass: { approvers: [] } },
      at: "breakGlass.approvers",
    },
    {
      name: "an acknowledgement of everything",
      section: { ...ENVELOPE, acknowledge: ["*"] },
      at: "acknowledge.0",
    },
    { name: "a way to leave it out", section: { ...ENVELOPE, enabled: false }, at: "" },
  ])("$name is refused", ({ section, at }) => {
    expect(problems(section).map((problem) => problem.split(":")[0])).toEqual([at]);
  });
});
