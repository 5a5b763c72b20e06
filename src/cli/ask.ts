import { createInterface } from 'node:readline/promises';

/** Asks whoever sits at the terminal; resolves with null where nobody does. Questions go to stderr. */
export async function ask(question: string): Promise<string | null> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return null;
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return (await reader.question(question)).trim();
  } finally {
    reader.close();
  }
}

/** Asks for one of several; null where nobody sits at the terminal. */
export async function choose(question: string, choices: readonly string[]): Promise<number | null> {
  const list = choices.map((choice, i) => `  ${i + 1}) ${choice}\n`).join('');
  for (;;) {
    const answer = await ask(`${question}\n${list}> `);
    if (answer === null) return null;
    const number = Number(answer);
    if (Number.isInteger(number) && number >= 1 && number <= choices.length) return number - 1;
  }
}
