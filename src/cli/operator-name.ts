/** Who gives a command, for the record, where nothing else is said. A command never fails for want of a name. */
import { userInfo } from "node:os";

/** The user of this system; its number where it has no name, as in a container that runs under any number. */
export function operatorName(read: () => { readonly username: string } = userInfo): string {
  try {
    const { username } = read();
    if (username !== "") return username;
  } catch {
    // Not in the list of users.
  }
  return `uid ${process.getuid?.() ?? "unknown"}`;
}
