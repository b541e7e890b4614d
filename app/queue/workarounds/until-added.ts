/**
 * Adds those jobs again that were not added. graphile-worker 0.18 has two statements in `add_job`: one detaches the key
 * from a running job, one inserts or updates. When a worker takes the job with that key between them, `add_job` adds
 * nothing and returns null; the next call sees the running job and adds a new one.
 * @param add adds the jobs and returns their ids in the same order.
 */
export async function untilAdded<Job>(
  jobs: readonly Job[],
  add: (jobs: readonly Job[]) => Promise<readonly (number | null)[]>,
): Promise<void> {
  for (let left = jobs; left.length > 0; ) {
    const ids = await add(left);
    left = left.filter((_, index) => (ids[index] ?? null) === null);
  }
}
