/**
 * Where the requests of well-known model interfaces hold text for a model, as paths without their root; `*` is an index.
 * A path counts only where the route's schema declares it as free text. Tool calls' arguments are no prompt: a program
 * reads them, so they get every rule.
 */
export const PROMPT_PATHS: ReadonlySet<string> = new Set([
  // Chat messages: plain, in parts, and results of tools inside of parts.
  "messages.*.content",
  "messages.*.content.*.text",
  "messages.*.content.*.content",
  "messages.*.content.*.content.*.text",
  // Completions and embeddings, one or many.
  "prompt",
  "prompt.*",
  "input",
  "input.*",
  // Responses: items with content, results of function calls.
  "input.*.content",
  "input.*.content.*.text",
  "input.*.output",
  "instructions",
  // What a system says before everybody else.
  "system",
  "system.*.text",
  "contents.*.parts.*.text",
  "system_instruction.parts.*.text",
]);
