/** Text from a pack as it stands in a message: in quotes, on one line, never long. */

/** Characters shown; a message must not carry a file's worth of somebody's text. */
const SHOWN_CHARACTERS = 64;

export function quoted(text: string): string {
  const shown = text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}...` : text;
  return JSON.stringify(shown.toWellFormed());
}
