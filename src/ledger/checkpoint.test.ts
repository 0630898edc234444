/** The text of checkpoints: there and back, and nothing else is read. */
import { describe, expect, test } from "vitest";
import { CheckpointError, checkpointText, parseCheckpoint } from "./checkpoint.ts";

const CHECKPOINT = {
  origin: "gateway.example/one",
  size: 20_852_163,
  root: Buffer.from("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=", "base64"),
  chain: `b3:${"0a".repeat(32)}`,
};
const TEXT = `gateway.example/one
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
chain b3:${"0a".repeat(32)}
`;

describe("a checkpoint's text", () => {
  test("is origin, size, root and chain", () => {
    expect(checkpointText(CHECKPOINT)).toBe(TEXT);
    expect(parseCheckpoint(TEXT)).toEqual(CHECKPOINT);
  });

  test("of an empty tree has the size 0", () => {
    expect(parseCheckpoint(TEXT.replace("20852163", "0")).size).toBe(0);
  });

  test.each([
    ["no origin", TEXT.replace("gateway.example/one", "")],
    ["no size", TEXT.replace("20852163\n", "")],
    ["a size with a leading zero", TEXT.replace("20852163", "020852163")],
    ["a negative size", TEXT.replace("20852163", "-1")],
    ["a size with an exponent", TEXT.replace("20852163", "2e7")],
    ["a size beyond safe integers", TEXT.replace("20852163", "9007199254740993")],
    ["a root that is too short", TEXT.replace("CsUY", "")],
    ["a root that is not canonical base64", TEXT.replace("q2I=", "q2J=")],
    ["no chain", TEXT.replace(/chain .*\n/, "")],
    ["a chain in capitals", TEXT.replace("0a0a", "0A0A")],
    ["a chain too short", TEXT.replace("0a\n", "0\n")],
    ["another extension line", `${TEXT}more\n`],
    ["no newline at its end", TEXT.slice(0, -1)],
    ["an empty line", `${TEXT}\n`],
    ["nothing", ""],
  ])("is refused with %s", (_, text) => {
    expect(() => parseCheckpoint(text)).toThrow(CheckpointError);
  });
});
