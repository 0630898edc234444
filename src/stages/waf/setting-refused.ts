/** A setting of the firewall that cannot be served, with its place: found only once the rules are there to ask. */
import type { ConfigPath } from "../../config/diagnostic.ts";

export interface SettingFault {
  readonly at: ConfigPath;
  readonly message: string;
  readonly hint?: string;
}

export class WafSettingsRefused extends Error {
  override readonly name = "WafSettingsRefused";
  readonly faults: readonly SettingFault[];

  constructor(faults: readonly SettingFault[]) {
    super(faults.map(({ message }) => message).join("\n"));
    this.faults = faults;
  }
}
