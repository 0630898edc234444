import { describe, expect, test } from "vitest";
import { diffPacks, type PackDifference } from "./diff.ts";
import { packFrom, type PackText } from "./pack-text.test-support.ts";

const BASE: PackText = {
  bits: {
    P_User: "context.user.id == 'ann'",
    P_Ops: "'ops' IN context.user.groups",
    P_Admin: "context.req.path STARTS_WITH '/admin/'",
  },
  wires: { W_Admin: "sequence: [P_User, P_Admin, P_Ops]" },
  outputs: { allow_admin: "W_Admin", deny_admin: "P_Admin", allow_user: "P_User" },
};

const diff = (to: Partial<PackText>): PackDifference =>
  diffPacks(packFrom(BASE), packFrom({ ...BASE, ...to }));

const told = ({ changes }: PackDifference): string[] =>
  changes.map(({ change, from, to }) => `${change}: ${from.output} -> ${to.output}`);

describe("changes", () => {
  test.each<[string, Partial<PackText>, string[]]>([
    ["none between a pack and itself", {}, []],
    [
      "none when it is only written otherwise",
      {
        bits: {
          P_User: "NOT (context.user.id != 'ann')",
          P_Ops: "context.user.groups CONTAINS 'ops'",
          P_Admin: "context.req.path STARTS_WITH '/admin/'",
        },
        wires: { W_Admin: "parallel: { policies: [P_Ops, P_Admin, P_User], aggregator: ALL }" },
      },
      [],
    ],
    [
      "what opens stands first",
      { outputs: { deny_admin: "P_Admin", allow_user: "NOT(P_User)" } },
      [
        "deny_to_allow: default_deny -> allow_user",
        "allow_to_deny: allow_admin -> deny_admin",
        "allow_to_deny: allow_user -> default_deny",
      ],
    ],
    [
      "another group",
      { bits: { ...BASE.bits, P_Ops: "'root' IN context.user.groups" } },
      ["deny_to_allow: deny_admin -> allow_admin", "allow_to_deny: allow_admin -> deny_admin"],
    ],
    [
      "another name for the same decision",
      { outputs: { allow_admin: "W_Admin", deny_admins: "P_Admin", allow_user: "P_User" } },
      ["same_effect: deny_admin -> deny_admins"],
    ],
  ])("%s", (_, to, expected) => {
    const difference = diff(to);
    expect(told(difference)).toEqual(expected);
    expect(difference.isComplete).toBe(true);
    for (const { example } of difference.changes) expect(example).toBeDefined();
  });

  test("the example is a request of the change", () => {
    const { changes } = diff({ bits: { ...BASE.bits, P_Ops: "'root' IN context.user.groups" } });
    expect(changes[0]?.example).toEqual({
      context: {
        "context.user.id": "ann",
        "context.user.groups": ["root"],
        "context.req.path": "/admin/",
        "context.req.method": "GET",
        "system.panic_mode": false,
      },
    });
  });

  test("another status alone is a change", () => {
    const a = packFrom(BASE);
    const outputs = a.outputs.map((output) =>
      output.effect === "deny" ? { ...output, status: 429 } : output,
    );
    const { changes } = diffPacks(a, { ...a, outputs });
    expect(changes.map(({ change, from, to }) => [change, from.status, to.status])).toEqual([
      ["same_effect", 403, 429],
    ]);
  });

  test("packs that are too involved are not said to be the same", () => {
    const names = Array.from({ length: 40 }, (_, at) => at);
    const has = (letter: string, at: number): string => `'${letter}${at}' IN context.user.groups`;
    const maze: PackText = {
      bits: {
        P_A: names.map((at) => has("a", at)).join(" OR "),
        P_B: names.map((at) => has("b", at)).join(" OR "),
        P_Pairs: names.map((at) => `(${has("a", at)} AND ${has("b", at)})`).join(" OR "),
      },
      wires: { W_Each: "sequence: [P_A, P_B, P_Pairs]" },
      outputs: { allow_each: "W_Each" },
    };
    expect(diffPacks(packFrom(maze), packFrom(maze))).toEqual({ isComplete: false, changes: [] });
  });
});
