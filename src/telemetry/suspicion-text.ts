/** How much a caller's inputs look like copying a model, as JSON: the same in the log and in the ledger. Numbers alone. */
import type { Suspicion } from "../pipeline/facts.ts";

export const suspicionText = ({ score, inputs, change, steps }: Suspicion): string =>
  `{"score":${score},"inputs":${inputs},"change":${change},"steps":${steps}}`;
