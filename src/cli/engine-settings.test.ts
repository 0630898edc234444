import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";

test("V8 knows every flag that it is given: of one that it does not know it complains", () => {
  const settings = new URL("engine-settings.ts", import.meta.url).href;
  const program = (flag: string) =>
    `const { setUpEngine } = await import(${JSON.stringify(settings)}); setUpEngine();
     (await import("node:v8")).setFlagsFromString(${JSON.stringify(flag)});`;
  const run = (flag: string) =>
    spawnSync(process.execPath, ["--input-type=module", "--eval", program(flag)]).stderr.toString();
  expect(run("--allocation-site-pretenuring")).toBe("");
  expect(run("--no-flag-of-this-name")).toContain("flag-of-this-name");
});
