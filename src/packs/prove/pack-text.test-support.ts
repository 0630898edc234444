/** Packs in a few words for tests: rules, wires and outputs by their ids, made into YAML and read as any other. */
import type { Pack } from "../pack.ts";
import { readPack } from "../read/read-pack.ts";

export interface PackText {
  readonly bits: Readonly<Record<string, string>>;
  /** A structure in YAML's flow style: "sequence: [P_A, P_B]". */
  readonly wires?: Readonly<Record<string, string>>;
  /** Output to trigger, in order. */
  readonly outputs: Readonly<Record<string, string>>;
}

export function packYaml({ bits, wires = {}, outputs }: PackText): string {
  const wiring = Object.entries(wires).map(
    ([id, structure]) => `  - id: ${id}\n    structure: { ${structure} }`,
  );
  return [
    'version: "tdln-chip/0.3"',
    "policies:",
    ...Object.entries(bits).map(
      ([id, logic]) =>
        `  - id: ${id}\n    description: "${id}"\n    logic: ${JSON.stringify(logic)}`,
    ),
    ...(wiring.length === 0 ? ["wiring: []"] : ["wiring:", ...wiring]),
    "outputs:",
    ...Object.entries(outputs).map(
      ([id, trigger]) =>
        `  - ${id}:\n      trigger: ${trigger}\n      action: "HTTP ${id.startsWith("allow") ? 200 : 403}"`,
    ),
    "",
  ].join("\n");
}

export function packFrom(text: PackText): Pack {
  return readPack(Buffer.from(packYaml(text)));
}
