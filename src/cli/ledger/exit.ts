/** Exit codes of the commands that judge: so that a script never takes "cannot say" for an answer. */

/** What was asked is not so. */
export const EXIT_DISPROVEN = 1;

/** Nothing can be said: a file is missing, unreadable or not what it should be. */
export const EXIT_UNKNOWN = 2;

/** Runs a command; whatever it throws is said in one line, and exits with 2. */
export async function orUnknown(act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    process.exitCode = EXIT_UNKNOWN;
  }
}
