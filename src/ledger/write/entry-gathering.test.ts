import { setImmediate as turn } from "node:timers/promises";
import { expect, test } from "vitest";
import { EntryGathering } from "./entry-gathering.ts";

interface Message {
  readonly text: string;
  readonly isAwaited: boolean;
}

function gathering() {
  const sent: Message[] = [];
  return {
    sent,
    gathered: new EntryGathering((text, isAwaited) => void sent.push({ text, isAwaited })),
  };
}

const turns = async (count: number): Promise<void> => {
  for (let index = 0; index < count; index += 1) await turn();
};

test("what comes in one turn goes together", async () => {
  const { sent, gathered } = gathering();
  for (const entry of ["a", "b", "c"]) gathered.add(entry, entry === "b");
  expect(sent).toEqual([]);
  await turn();
  expect(sent).toEqual([{ text: "a\nb\nc", isAwaited: true }]);
});

test("nothing is held while the thread has nothing to do", async () => {
  const { sent, gathered } = gathering();
  for (const entry of ["a", "b"]) {
    gathered.add(entry, true);
    await turns(2);
    gathered.groupEnded(false);
  }
  expect(sent.map(({ text }) => text)).toEqual(["a", "b"]);
});

test("while two messages are under way all that comes is for the next one", async () => {
  const { sent, gathered } = gathering();
  for (const entry of ["a", "b", "c", "d"]) {
    gathered.add(entry, true);
    await turns(3);
  }
  expect(sent.map(({ text }) => text)).toEqual(["a", "b"]);
  gathered.groupEnded(true);
  expect(sent[2]).toEqual({ text: "c\nd", isAwaited: true });
});

test("an entry that someone waits for does not wait behind what nobody waits for", async () => {
  const { sent, gathered } = gathering();
  for (const entry of ["a", "b", "c"]) {
    gathered.add(entry, false);
    await turns(3);
  }
  expect(sent.map(({ text }) => text)).toEqual(["a", "b"]);
  gathered.add("d", true);
  await turns(3);
  expect(sent[2]).toEqual({ text: "c\nd", isAwaited: true });
  gathered.add("e", true);
  await turns(3);
  expect(sent).toHaveLength(3);
});

test("a flush sends what there is, and nothing twice", async () => {
  const { sent, gathered } = gathering();
  gathered.flush();
  gathered.add("a", true);
  gathered.flush();
  gathered.add("b", false);
  gathered.flush();
  await turns(3);
  expect(sent.map(({ text }) => text)).toEqual(["a", "b"]);
  expect(gathered.count).toBe(0);
});
