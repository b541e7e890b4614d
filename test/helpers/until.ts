/** Repeats a request that a busy machine answers with 503, as its sender would. */
export const unlessBusy = <Answer extends { readonly status: number }>(ask: () => Promise<Answer>) =>
  until('an answer other than 503', async () => {
    const answer = await ask();
    return answer.status !== 503 && answer;
  });

/** Polls until there is a result; fails with the description of what it waited for. */
export async function until<T>(
  what: string,
  ask: () => Promise<T | undefined | false> | T | undefined | false,
  seconds = 180,
): Promise<T> {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (performance.now() > deadline) throw new Error(`Waited ${seconds} s for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
